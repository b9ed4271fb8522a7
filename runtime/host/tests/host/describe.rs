//! `describe`: what it says is checked, and what it refuses is told.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Field, Fields, Int64Type, Schema};
use weir_core::limits::OperatorLimits;
use weir_host::{
    Component, Delta, Host, InputSchema, Instance, InstanceError, OperatorInfo, OutputColumn, OutputPlan, Plan,
    Selection, World,
};

use crate::guest::{Guest, Image, PROCESS, int64, spec};

/// A transform with an answer of `describe`.
fn transform(describe: impl FnOnce(&mut Image) -> u32) -> Component {
    let mut image = Image::default();
    let plan = describe(&mut image);
    let functions = vec![("weir:operator/transform@0.1.0#process", PROCESS, "unreachable".to_owned())];
    Guest { world: "transform-operator", image, plan, prelude: "", functions }.load()
}

fn describe(component: &Component, fields: &Fields) -> Result<Plan, InstanceError> {
    component.describe(&serde_json::json!({}), &spec(fields).inputs, &OperatorLimits::default())
}

#[test]
fn a_plan_is_given_and_does_not_depend_on_the_instance() {
    let made: Fields = vec![Field::new("made", DataType::Utf8, true)].into();
    let component = transform(|image| image.plan(1, &made, None));
    let plan = describe(&component, &int64()).unwrap();
    assert_eq!(plan.reads, [[0]]);
    assert!(plan.reads_event_times && plan.state.is_none());
    assert_eq!(*plan.output_schema(0), Schema::new(made));
    assert_eq!(component.instantiate(spec(&int64())).unwrap().plan(), &plan);
}

#[test]
fn refusals_and_invalid_plans_are_told_apart() {
    let refuses = transform(|image| {
        let reason = image.put(b"late-after-minutes is missing");
        image.words(&[1, reason, 29, 0, 0, 0, 0, 0, 0, 0])
    });
    let error = describe(&refuses, &int64()).unwrap_err();
    assert!(matches!(&error, InstanceError::Refused(why) if why == "late-after-minutes is missing"), "{error}");

    let reads_too_much = transform(|image| image.plan(2, &Fields::empty(), None));
    let error = describe(&reads_too_much, &int64()).unwrap_err();
    assert!(matches!(&error, InstanceError::InvalidPlan(why) if why.contains("column 1")), "{error}");

    let keeps_state = transform(|image| image.plan(1, &Fields::empty(), Some(&int64())));
    let error = describe(&keeps_state, &int64()).unwrap_err();
    assert!(matches!(&error, InstanceError::InvalidPlan(why) if why.contains("no state")), "{error}");
}

#[test]
fn inputs_that_no_operator_can_read_are_named() {
    let component = transform(|image| image.plan(1, &Fields::empty(), None));
    let view: Fields = vec![Field::new("words", DataType::Utf8View, true)].into();
    let error = describe(&component, &view).unwrap_err();
    assert!(matches!(&error, InstanceError::Input { input: 0, message } if message.contains("\"words\"")), "{error}");
    let inputs = [InputSchema::only(Arc::new(Schema::new(int64())), vec![1])];
    let error = component.describe(&serde_json::json!({}), &inputs, &OperatorLimits::default()).unwrap_err();
    assert!(matches!(error, InstanceError::Input { .. }), "{error}");
    let error = component.describe(&serde_json::json!({}), &[], &OperatorLimits::default()).unwrap_err();
    assert!(matches!(error, InstanceError::NoInput), "{error}");
}

#[test]
fn about_gives_a_title_and_a_schema_without_an_input() {
    let about = |title: &str, schema: &str| {
        transform(|image| (image.info(title, schema), image.plan(1, &Fields::empty(), None)).1).about()
    };
    let info = about("Late flights", r#"{"type": "object"}"#).unwrap();
    assert_eq!(info.title.as_deref(), Some("Late flights"));
    assert_eq!(info.config_schema, Some(serde_json::json!({"type": "object"})));
    assert_eq!(transform(|image| image.plan(1, &Fields::empty(), None)).about().unwrap(), OperatorInfo::default());
    for (title, schema, says) in [
        ("", "{}", "empty"),
        ("a\u{1b}[2J", "{}", "control characters"),
        ("a", "{", "not JSON"),
        ("a", &" ".repeat(300 << 10), "bytes"),
    ] {
        let error = about(title, schema).unwrap_err();
        assert!(matches!(&error, InstanceError::InvalidInfo(why) if why.contains(says)), "{error}");
    }
}

#[test]
fn an_outputs_rows_are_assembled_of_kept_and_computed_columns() {
    let schema = Schema::new(vec![Field::new("a", DataType::Int64, false), Field::new("b", DataType::Utf8, false)]);
    let inputs = [InputSchema::only(Arc::new(schema), vec![0])];
    let kept = |column, name: &str| OutputColumn::Kept { input: 0, column, name: name.into() };
    let made = OutputColumn::Computed(Arc::new(Field::new("made", DataType::Int64, false)));
    let plan = OutputPlan::new("main".into(), vec![kept(1, "b"), made, kept(0, "key")], &inputs, World::Keyed);
    let a: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let b: ArrayRef = Arc::new(StringArray::from(vec!["x", "y", "z"]));
    let times = ScalarBuffer::from(vec![10, 20, 30]);
    for (selection, keys, selected) in [
        (Selection::All, vec![1, 2, 3], vec![10, 20, 30]),
        (Selection::None, vec![], vec![]),
        (Selection::Rows(vec![2, 0, 2, 2].into()), vec![3, 1, 3, 3], vec![30, 10, 30, 30]),
    ] {
        let computed: ArrayRef = Arc::new(Int64Array::from(keys.clone()));
        assert_eq!(selection.take_times(&times), ScalarBuffer::from(selected));
        let delta = Delta { selection, computed: vec![computed], event_times: None };
        // A timer's row has no `b`.
        let rows = plan.assemble(&delta, 3, &mut |_, column| (column == 0).then(|| Arc::clone(&a))).unwrap();
        assert_eq!(rows.column(2).as_primitive::<Int64Type>().values().as_ref(), keys.as_slice());
        assert_eq!(rows.column(0).null_count(), keys.len());
        let rows = plan.assemble(&delta, 3, &mut |_, column| Some([&a, &b][column].clone())).unwrap();
        assert_eq!(rows.column(0).null_count(), 0);
        assert_eq!(rows.num_rows(), keys.len());
    }
}

/// Subtasks are threads: what they hold must move there, and components are shared.
#[test]
fn instances_move_between_threads() {
    fn moves<T: Send>() {}
    fn shared<T: Send + Sync + Clone>() {}
    moves::<Instance>();
    shared::<Component>();
    shared::<Host>();
}
