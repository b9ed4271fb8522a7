package io.weir.bridge;

/**
 * The class that loads the native library. It is defined in a class loader of its own that stays, so that a process has one copy of the
 * library: each class loader would load it anew, and a library is never unloaded, because its threads run on. It needs no other class.
 */
public final class NativeDoor {
  private NativeDoor() {}

  /** Loads the library for the class loader of this class. */
  public static void load(String path) {
    System.load(path);
  }

  /** Binds the native methods of a class of any class loader, which has those of {@link Native}. */
  public static native void bind(Class<?> natives);
}
