import { expect, test } from "vitest";
import { connectionFault } from "./connection-fault.ts";

const check = (talk: string, expected: RegExp, isHopeless: boolean): void => {
  const fault = connectionFault(talk, { host: "db-01", port: 2201, knownHosts: "/k" });
  expect(fault.message).toMatch(expected);
  expect(fault.isHopeless).toBe(isHopeless);
};

test.each([
  [
    "No ED25519 host key is known for [db-01]:2201 and you have requested strict checking.\r\nHost key verification failed.",
    /\[db-01\]:2201 is not known.*ssh-keyscan -p 2201 db-01.*add it to \/k/,
    true,
  ],
  [
    "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
    /has changed.*ssh-keygen -R '\[db-01\]:2201' -f \/k/,
    true,
  ],
  ["deploy@db-01: Permission denied (publickey).", /refuses the login \(deploy@db-01: Permission denied \(publickey\)\.\)/, true],
  ["sudo: a password is required", /NOPASSWD/, true],
  ["sudo: a terminal is required to read the password; either use the -S option", /NOPASSWD/, true],
  ["bash: line 1: sudo: command not found", /sudo is not installed/, true],
  ["deploy is not in the sudoers file.\nsudo: deploy is not in the sudoers file", /sudo refuses/, true],
  ["command-line: line 0: Bad configuration option: nope", /refuses its configuration/, true],
  ["ssh: connect to host db-01 port 2201: Connection refused\r\n", /^ssh: connect to host db-01 port 2201: Connection refused$/, false],
  ["", /no reason was given/, false],
])("%j becomes advice", (talk, expected, isHopeless) => {
  check(talk, expected, isHopeless);
});
