#if _pointerBitWidth(_64)
  import CCupelIntegerKernels

  /// Tells the core that this thread only waits.
  @inline(__always)
  package func spinHint() { cupel_pause() }
#endif
