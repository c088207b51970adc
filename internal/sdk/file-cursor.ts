// The reader of YAML files, under the name that the SDK's own files know it by.
// 1. It stands in base/, for policy files are read by it too.

export { FileCursor, FileFaults, FileFields, isList, kindOf } from "../base/file-cursor.ts";
