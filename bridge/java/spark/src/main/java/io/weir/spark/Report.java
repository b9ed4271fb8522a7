package io.weir.spark;

import io.weir.bridge.WeirException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.util.HashMap;

/**
 * What a subtask tells the driver at the end of a micro-batch. It travels among the elements, so there is exactly one: of the attempt
 * whose elements were used.
 *
 * @param subtask its number in {@link Layout}
 * @param piece the file of its state; null: a batch job keeps none
 * @param hasEnded whether it is not run any more
 * @param prepared by sink: what is to be made visible when the micro-batch is complete
 * @param figures what its steps have counted in this run, as JSON
 * @param location where the subtask is in memory, as Spark names places
 */
record Report(int subtask, String piece, boolean hasEnded, HashMap<String, byte[]> prepared, String figures, String location)
    implements Serializable {

  byte[] encode() {
    var bytes = new ByteArrayOutputStream();
    try (var out = new ObjectOutputStream(bytes)) {
      out.writeObject(this);
    } catch (IOException error) {
      throw new WeirException("cannot report", error);
    }
    return bytes.toByteArray();
  }

  static Report decode(byte[] bytes) {
    try (var in = new ObjectInputStream(new ByteArrayInputStream(bytes))) {
      return (Report) in.readObject();
    } catch (IOException | ClassNotFoundException error) {
      throw new WeirException("cannot read what a task reports", error);
    }
  }
}
