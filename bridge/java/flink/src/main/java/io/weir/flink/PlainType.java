package io.weir.flink;

import org.apache.flink.api.common.serialization.SerializerConfig;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;

/** Flink's description of a type that is no key, has no fields for Flink, and one serializer. */
final class PlainType<T> extends TypeInformation<T> {
  private static final long serialVersionUID = 1L;

  static final TypeInformation<WeirElement> ELEMENT = new PlainType<>(WeirElement.class, new WeirElementSerializer());
  static final TypeInformation<Turn> TURN = new PlainType<>(Turn.class, new Turn.Serializer());

  private final Class<T> type;
  private final TypeSerializer<T> serializer;

  private PlainType(Class<T> type, TypeSerializer<T> serializer) {
    this.type = type;
    this.serializer = serializer;
  }

  @Override
  public TypeSerializer<T> createSerializer(SerializerConfig config) {
    return serializer;
  }

  @Override
  public Class<T> getTypeClass() {
    return type;
  }

  @Override
  public boolean isBasicType() {
    return false;
  }

  @Override
  public boolean isTupleType() {
    return false;
  }

  @Override
  public boolean isKeyType() {
    return false;
  }

  @Override
  public int getArity() {
    return 1;
  }

  @Override
  public int getTotalFields() {
    return 1;
  }

  @Override
  public boolean canEqual(Object other) {
    return other instanceof PlainType;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof PlainType<?> plain && plain.type == type;
  }

  @Override
  public int hashCode() {
    return type.hashCode();
  }

  @Override
  public String toString() {
    return type.getSimpleName();
  }
}
