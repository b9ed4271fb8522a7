package io.weir.flink;

import io.weir.bridge.WeirException;
import java.nio.file.Path;
import java.util.Map;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * A component of Weir that keeps state per key, as a step of a Flink program:
 *
 * <pre>{@code
 * var levels = WeirKeyed.of("level.wasm").keys("bidder").config(Map.of("gold-from", 100)).apply("level", bids);
 * levels.main().uid("level");
 * }</pre>
 *
 * Rows without timestamps get the clock's, and go out with it. A newer version of the component reads the state of an older one. What does not
 * fit is refused by {@link #apply}, on the client.
 */
public final class WeirKeyed extends WeirStateful<WeirKeyed> {
  private static final long serialVersionUID = 1L;
  private static final ObjectMapper JSON = new ObjectMapper();

  private String ttl = "null";

  private WeirKeyed(byte[] component, String name) {
    super(component, name);
  }

  private WeirKeyed(WeirKeyed other, String name) {
    super(other, name);
    this.ttl = other.ttl;
  }

  /** The component in a file of the client; it goes to the tasks with the job. */
  public static WeirKeyed of(String file) {
    Path path = Path.of(file);
    return new WeirKeyed(read(path), path.getFileName().toString());
  }

  public static WeirKeyed of(byte[] component) {
    return new WeirKeyed(component.clone(), "component");
  }

  /** As {@code ttl} of an operator in a pipeline file: {@code Map.of("after", "1h")}. */
  public WeirKeyed ttl(Map<String, ?> ttl) {
    this.ttl = json("ttl", ttl);
    return this;
  }

  @Override
  WeirKeyed self() {
    return this;
  }

  @Override
  WeirKeyed named(String name) {
    return new WeirKeyed(this, name);
  }

  @Override
  void check(String name) {
    if (!hasKeys()) {
      throw new WeirException(name + " keeps state per key, and no key was given: name its columns with keys(..)");
    }
  }

  @Override
  void addOptions(ObjectNode options) throws JsonProcessingException {
    super.addOptions(options);
    options.set("ttl", JSON.readTree(ttl));
  }
}
