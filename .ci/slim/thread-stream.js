/** pino's worker threads, for the bundle: the debug log writes to a file of its own and starts none, and a worker would need files beside the bundle. */
export default class ThreadStream {
  constructor() {
    throw new Error("the bundled log has no worker threads");
  }
}
