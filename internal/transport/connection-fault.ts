// What the ssh client's and sudo's own words mean, and what a person can do about it.
// 1. The words are OpenSSH's (`sshconnect.c`) and sudo's, stable for a decade; those that are not known here are passed on as they are.

/** Why a target could not be reached; hopeless: trying again without a person changes nothing. */
export interface ConnectionFault {
  readonly message: string;
  readonly isHopeless: boolean;
}

/** What is known of the connection, for the advice. */
export interface FaultPlace {
  readonly host: string;
  readonly port: number;
  readonly knownHosts: string;
}

/** Turns what ssh or sudo wrote on stderr into a message that says what to do. */
export function connectionFault(talk: string, { host, port, knownHosts }: FaultPlace): ConnectionFault {
  const file = knownHosts === "" ? "" : ` -f ${knownHosts}`;
  const name = port === 0 || port === 22 ? host : `[${host}]:${port}`;
  const scan = `ssh-keyscan${port === 0 ? "" : ` -p ${port}`} ${host}`;
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed/.test(talk)) {
    return hopeless(
      `the host key of ${name} has changed: either the host was reinstalled, or somebody is in between. When you have verified the new key, remove the old one with "ssh-keygen -R '${name}'${file}" and add the new one`,
    );
  }
  if (/REVOKED HOST KEY/.test(talk))
    return hopeless(`the host key of ${name} is marked as revoked in known_hosts; give the host a new key`);
  if (/Host key verification failed|host key is known for|No matching host key/.test(talk)) {
    return hopeless(
      `the host key of ${name} is not known; compare what "${scan}" prints with the host's own, then add it to ${knownHosts === "" ? "known_hosts" : knownHosts}`,
    );
  }
  if (/Permission denied|Too many authentication failures/.test(talk)) {
    return hopeless(`${name} refuses the login (${lastLine(talk)}); check user, identity and agent, e.g. with "ssh -v -o BatchMode=yes"`);
  }
  if (/sudo: .*password/.test(talk)) {
    return hopeless(
      `sudo wants a password, and nobody is there to type it; allow it with NOPASSWD in sudoers, or leave out "become: sudo"`,
    );
  }
  if (/sudo: .*(not allowed|not in the sudoers)|may not run sudo/.test(talk))
    return hopeless(`sudo refuses (${lastLine(talk)}); allow /bin/sh for this user in sudoers`);
  if (/sudo: ?(command )?not found|spawn sudo ENOENT/.test(talk))
    return hopeless(`sudo is not installed there; install it, or leave out "become: sudo"`);
  if (/^sudo: /m.test(talk)) return hopeless(`sudo fails (${lastLine(talk)})`);
  if (/Bad configuration option|terminating, .* bad configuration|Bad owner or permissions/.test(talk))
    return hopeless(`the ssh client refuses its configuration (${lastLine(talk)})`);
  return { message: lastLine(talk), isHopeless: false };
}

function hopeless(message: string): ConnectionFault {
  return { message, isHopeless: true };
}

function lastLine(talk: string): string {
  const lines = talk.split(/\r?\n/).map((line) => line.trim());
  return lines.findLast((line) => line !== "") ?? "no reason was given";
}
