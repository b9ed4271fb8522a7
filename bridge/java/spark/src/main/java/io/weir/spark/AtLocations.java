package io.weir.spark;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.Partition;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.rdd.RDD;
import scala.Tuple2;
import scala.collection.Iterator;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/** The same rows, computed where the subtasks are that take them. */
final class AtLocations extends RDD<Tuple2<Address, byte[]>> {
  private static final long serialVersionUID = 1L;

  private final RDD<Tuple2<Address, byte[]>> rows;

  /** By partition; null: anywhere. */
  private final ArrayList<String> locations;

  private AtLocations(RDD<Tuple2<Address, byte[]>> rows, ArrayList<String> locations) {
    super(rows, tag(Tuple2.class));
    this.rows = rows;
    this.locations = locations;
  }

  static JavaPairRDD<Address, byte[]> of(JavaPairRDD<Address, byte[]> rows, List<String> locations) {
    return JavaPairRDD.fromRDD(
        new AtLocations(rows.rdd(), new ArrayList<>(locations)), tag(Address.class), tag(byte[].class));
  }

  @SuppressWarnings("unchecked")
  private static <T> ClassTag<T> tag(Class<?> type) {
    return (ClassTag<T>) ClassTag$.MODULE$.apply(type);
  }

  @Override
  public Partition[] getPartitions() {
    return rows.partitions();
  }

  @Override
  public Iterator<Tuple2<Address, byte[]>> compute(Partition partition, TaskContext context) {
    return rows.iterator(partition, context);
  }

  @Override
  public Seq<String> getPreferredLocations(Partition partition) {
    String location = locations.get(partition.index());
    List<String> places = location == null ? List.of() : List.of(location);
    return CollectionConverters.asScala(places).toSeq();
  }
}
