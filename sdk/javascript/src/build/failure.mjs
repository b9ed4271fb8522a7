// What ends a build, said to the author.

/** `code` is that of the process: 1, the author's project is at fault; 2, the call or the toolchain. */
export class Failure extends Error {
  constructor(message, code = 1) {
    super(message);
    this.code = code;
  }
}
