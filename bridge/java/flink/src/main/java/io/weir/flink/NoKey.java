package io.weir.flink;

import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.transformations.OneInputTransformation;

/**
 * Makes an operator one with keys to Flink, which then divides its raw state by key group and hands back each group to the subtask that owns
 * it. Flink is never told a key: only the native side looks at those.
 */
final class NoKey<I> implements KeySelector<I, Integer> {
  private static final long serialVersionUID = 1L;

  static final String STREAMS_ONLY =
      "operators of Weir with state work on streams: set execution.runtime-mode to STREAMING";

  static <I, O> SingleOutputStreamOperator<O> state(SingleOutputStreamOperator<O> operator) {
    @SuppressWarnings("unchecked")
    var transformation = (OneInputTransformation<I, O>) operator.getTransformation();
    transformation.setStateKeySelector(new NoKey<>());
    transformation.setStateKeyType(Types.INT);
    return operator;
  }

  @Override
  public Integer getKey(I element) {
    // In batch mode Flink sorts rows by key.
    throw new NonRecoverableException(STREAMS_ONLY);
  }
}
