//! The answer of `describe`, checked: from here on every index in a plan is in range and every name is one.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::Schema;
use weir_core::limits::{MAP_NAME_BYTES_MAX, MAPS_PER_OPERATOR_MAX};

use crate::abi::{ChangelogMode, List, PointerPair, Text, from_guest};
use crate::limits::{CONFIG_SCHEMA_BYTES_MAX, OUTPUTS_MAX, SCHEMA_NODES_MAX};
use crate::plan::{InputSchema, MapLayout, OperatorInfo, OutputColumn, OutputPlan, Plan, StateLayout, World};
use crate::schema::{check_name, unflatten};

const MAIN_OUTPUT: &str = weir_core::graph::MAIN_OUTPUT;
const DEAD_LETTER_OUTPUT: &str = weir_core::graph::DEAD_LETTER_OUTPUT;

/// The plan of a guest of a world, for these inputs.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check(given: from_guest::Plan, inputs: &[InputSchema], world: World) -> Result<Plan, String> {
    let (reads, PointerPair(given_outputs)) = (check_reads(given.reads, inputs)?, given.outputs);
    if given_outputs.len() > OUTPUTS_MAX {
        return Err(format!("{} outputs; at most {OUTPUTS_MAX} are taken", given_outputs.len()));
    }
    let mut names = HashSet::new();
    let mut outputs = Vec::with_capacity(given_outputs.len());
    for given in given_outputs {
        let name = &given.name.0;
        check_name(name).map_err(|message| format!("outputs: {message}"))?;
        if !names.insert(name.clone()) {
            return Err(format!("two outputs are called {name:?}"));
        }
        if name == DEAD_LETTER_OUTPUT {
            return Err(format!("no output may be called {DEAD_LETTER_OUTPUT:?}: it is where refused rows go"));
        }
        if given.changelog != ChangelogMode::InsertOnly {
            return Err(format!("output {name:?} has rows other than inserts, which streams do not hold so far"));
        }
        outputs.push(check_output(given, inputs, world)?);
    }
    if outputs.first().is_none_or(|output| output.name != MAIN_OUTPUT) {
        return Err(format!("the first output must be called {MAIN_OUTPUT:?}"));
    }
    let state = given.state.map(check_state).transpose()?;
    let maps = check_maps(given.maps)?;
    match world {
        World::Transform | World::Aggregate if !maps.is_empty() => {
            return Err(format!("a {world} has no maps; only keyed operators have"));
        }
        World::Transform if state.is_some() => return Err("a transform keeps no state".into()),
        World::Aggregate if state.is_none() => return Err("an aggregate has a state: its accumulator".into()),
        World::Aggregate if outputs.len() > 1 => return Err("an aggregate has one output".into()),
        World::Aggregate if outputs.iter().any(|o| o.computed.len() != o.columns.len()) => {
            return Err("an aggregate computes all its columns; it keeps none".into());
        }
        _ => {}
    }
    Ok(Plan { reads, reads_event_times: given.reads_event_times, outputs, state, maps })
}

fn check_reads(PointerPair(given): List<List<u32>>, inputs: &[InputSchema]) -> Result<Vec<Vec<usize>>, String> {
    if given.len() != inputs.len() {
        return Err(format!("reads says what is read of {} inputs; there are {}", given.len(), inputs.len()));
    }
    let mut reads = Vec::with_capacity(given.len());
    for (input, (PointerPair(given), schema)) in given.into_iter().zip(inputs).enumerate() {
        let columns = schema.schema.fields().len();
        if given.len() > SCHEMA_NODES_MAX {
            return Err(format!("reads {} columns of input {input}", given.len()));
        }
        if let Some(column) = given.iter().find(|&&column| column as usize >= columns) {
            return Err(format!("reads column {column} of input {input}, which has {columns}"));
        }
        reads.push(given.into_iter().map(|column| column as usize).collect());
    }
    Ok(reads)
}

fn check_output(given: from_guest::Output, inputs: &[InputSchema], world: World) -> Result<OutputPlan, String> {
    let (PointerPair(name), PointerPair(given_columns)) = (given.name, given.columns);
    if given_columns.len() > SCHEMA_NODES_MAX {
        return Err(format!(
            "output {name:?} has {} columns; at most {SCHEMA_NODES_MAX} are taken",
            given_columns.len()
        ));
    }
    let mut names = HashSet::new();
    let mut columns = Vec::with_capacity(given_columns.len());
    for given in given_columns {
        let column = check_column(given, inputs).map_err(|message| format!("output {name:?}: {message}"))?;
        let column_name = match &column {
            OutputColumn::Kept { name, .. } => name,
            OutputColumn::Computed(field) => field.name(),
        };
        if !names.insert(column_name.clone()) {
            return Err(format!("output {name:?} has two columns called {column_name:?}"));
        }
        columns.push(column);
    }
    Ok(OutputPlan::new(name, columns, inputs, world))
}

fn check_column(given: from_guest::OutputColumn, inputs: &[InputSchema]) -> Result<OutputColumn, String> {
    match given {
        from_guest::OutputColumn::Kept(kept) => {
            let (input, column) = (kept.input as usize, kept.column as usize);
            let schema =
                &inputs.get(input).ok_or_else(|| format!("keeps a column of input {input}; there is none"))?.schema;
            let field = schema.fields().get(column).ok_or_else(|| {
                format!("keeps column {column} of input {input}, which has {}", schema.fields().len())
            })?;
            let name = kept.name.map_or_else(|| field.name().clone(), |name| name.0);
            check_name(&name)?;
            Ok(OutputColumn::Kept { input, column, name })
        }
        from_guest::OutputColumn::Computed(nodes) => match unflatten(nodes.0)?.as_ref() {
            [field] => Ok(OutputColumn::Computed(Arc::clone(field))),
            fields => Err(format!("a computed column has one root, not {}", fields.len())),
        },
    }
}

fn check_state(given: from_guest::StateLayout) -> Result<StateLayout, String> {
    let fields = unflatten(given.columns.0).map_err(|message| format!("state: {message}"))?;
    let mut names = HashSet::new();
    if let Some(twice) = fields.iter().find(|field| !names.insert(field.name().clone())) {
        return Err(format!("the state has two columns called {:?}", twice.name()));
    }
    Ok(StateLayout { version: given.version, schema: Arc::new(Schema::new(fields)) })
}

fn check_maps(PointerPair(given): List<from_guest::MapLayout>) -> Result<Arc<[MapLayout]>, String> {
    if given.len() > MAPS_PER_OPERATOR_MAX {
        return Err(format!("{} maps; at most {MAPS_PER_OPERATOR_MAX} are taken", given.len()));
    }
    let mut names = HashSet::new();
    let mut maps = Vec::with_capacity(given.len());
    for given in given {
        let map = check_map(given)?;
        if !names.insert(map.name.clone()) {
            return Err(format!("two maps are called {:?}", map.name));
        }
        maps.push(map);
    }
    Ok(maps.into())
}

fn check_map(given: from_guest::MapLayout) -> Result<MapLayout, String> {
    let PointerPair(name) = given.name;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > MAP_NAME_BYTES_MAX || !name.chars().all(is_plain) {
        let name: String = name.chars().take(MAP_NAME_BYTES_MAX).collect();
        return Err(format!(
            "{name:?} cannot be the name of a map: use 1 to {MAP_NAME_BYTES_MAX} ASCII letters, digits, `-` and `_`"
        ));
    }
    let (key, value) = (unflatten(given.key.0), unflatten(given.value.0));
    let in_map = |message: String| format!("map {name:?}: {message}");
    let (key, value) = (key.map_err(in_map)?, value.map_err(in_map)?);
    if key.is_empty() {
        return Err(in_map("its entries have no key column".to_owned()));
    }
    let mut names = HashSet::new();
    if let Some(twice) = key.iter().chain(&value).find(|field| !names.insert(field.name().clone())) {
        return Err(in_map(format!("it has two columns called {:?}", twice.name())));
    }
    Ok(MapLayout { name, key: Arc::new(Schema::new(key)), value: Arc::new(Schema::new(value)) })
}

/// What an operator says of itself. What is too long, or no JSON, breaks the contract.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_info(given: from_guest::OperatorInfo) -> Result<OperatorInfo, String> {
    let title = given.title.map(|title| title.0);
    if let Some(title) = &title {
        check_name(title).map_err(|message| format!("title: {message}"))?;
    }
    let parse = |PointerPair(schema): Text| {
        if schema.len() > CONFIG_SCHEMA_BYTES_MAX {
            return Err(format!(
                "config-schema has {} bytes; at most {CONFIG_SCHEMA_BYTES_MAX} are taken",
                schema.len()
            ));
        }
        serde_json::from_str(&schema).map_err(|error| format!("config-schema is not JSON: {error}"))
    };
    Ok(OperatorInfo { title, config_schema: given.config_schema.map(parse).transpose()? })
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};

    use super::*;
    use from_guest::{KeptColumn, Output, OutputColumn as Given};

    fn inputs() -> Vec<InputSchema> {
        let schema = Schema::new(vec![Field::new("a", DataType::Int64, false), Field::new("b", DataType::Utf8, true)]);
        vec![InputSchema::only(Arc::new(schema), vec![0])]
    }

    fn computed(name: &str) -> Given {
        Given::Computed(vec![field(name)].into())
    }

    fn field(name: &str) -> from_guest::Field {
        from_guest::Field { name: name.into(), format: "l".into(), nullable: false, children: 0 }
    }

    fn kept(input: u32, column: u32, name: Option<&str>) -> Given {
        Given::Kept(KeptColumn { input, column, name: name.map(Into::into) })
    }

    fn plan(outputs: Vec<(&str, Vec<Given>)>) -> from_guest::Plan {
        let outputs = outputs.into_iter().map(|(name, columns)| Output {
            name: name.into(),
            columns: columns.into(),
            changelog: ChangelogMode::InsertOnly,
        });
        let reads = vec![vec![1, 0].into()].into();
        let outputs = PointerPair(outputs.collect());
        from_guest::Plan { reads, reads_event_times: true, outputs, state: None, maps: vec![].into() }
    }

    #[test]
    fn a_plan_is_resolved_against_its_inputs() {
        let given =
            plan(vec![("main", vec![kept(0, 1, Some("c")), computed("x"), kept(0, 0, None)]), ("side", vec![])]);
        let plan = check(given, &inputs(), World::Keyed).unwrap();
        assert_eq!(plan.reads, [[1, 0]]);
        let expected = Schema::new(vec![
            Field::new("c", DataType::Utf8, true),
            Field::new("x", DataType::Int64, false),
            Field::new("a", DataType::Int64, false),
        ]);
        assert_eq!(*plan.output_schema(0), expected);
        assert_eq!(plan.outputs[0].computed.len(), 1);
    }

    #[test]
    fn wrong_plans_are_refused() {
        let state = Some(from_guest::StateLayout { version: 1, columns: vec![field("s")].into() });
        let twice = Some(from_guest::StateLayout { version: 1, columns: vec![field("s"), field("s")].into() });
        let main = || plan(vec![("main", vec![computed("x")])]);
        let many = (0..=OUTPUTS_MAX).map(|_| ("main", vec![])).collect();
        let reads = |reads: Vec<List<u32>>| from_guest::Plan { reads: reads.into(), ..main() };
        let upserts = || {
            let mut plan = main();
            plan.outputs.0[0].changelog = ChangelogMode::Upsert;
            plan
        };
        let map = |name: &str, key: &[&str], value: &[&str]| from_guest::MapLayout {
            name: name.into(),
            key: key.iter().map(|name| field(name)).collect::<Vec<_>>().into(),
            value: value.iter().map(|name| field(name)).collect::<Vec<_>>().into(),
        };
        let maps = |maps: Vec<from_guest::MapLayout>| from_guest::Plan { maps: maps.into(), ..main() };
        let good = check(maps(vec![map("a", &["k"], &[]), map("b-2_C", &["k"], &["v"])]), &inputs(), World::Keyed);
        assert_eq!(good.unwrap().maps.iter().map(|map| map.name.as_str()).collect::<Vec<_>>(), ["a", "b-2_C"]);
        for (given, world, says) in [
            (maps(vec![map("a", &["k"], &[])]), World::Transform, "only keyed operators"),
            (maps(vec![map("a", &["k"], &[])]), World::Aggregate, "only keyed operators"),
            (maps(vec![map("a", &["k"], &[]), map("a", &["k"], &[])]), World::Keyed, "two maps"),
            (maps(vec![map("a/b", &["k"], &[])]), World::Keyed, "cannot be the name"),
            (maps(vec![map("", &["k"], &[])]), World::Keyed, "cannot be the name"),
            (maps(vec![map(&"a".repeat(65), &["k"], &[])]), World::Keyed, "cannot be the name"),
            (maps(vec![map("a", &[], &["v"])]), World::Keyed, "no key column"),
            (maps(vec![map("a", &["k"], &["k"])]), World::Keyed, "two columns"),
            (maps(vec![map("a", &["k"], &[]); MAPS_PER_OPERATOR_MAX + 1]), World::Keyed, "33 maps"),
            (plan(vec![]), World::Transform, "first output"),
            (plan(vec![("side", vec![])]), World::Transform, "first output"),
            (plan(vec![("main", vec![]), ("main", vec![])]), World::Transform, "two outputs"),
            (plan(vec![("main", vec![]), ("dead-letter", vec![])]), World::Transform, "refused rows"),
            (plan(many), World::Transform, "outputs"),
            (plan(vec![("main", vec![kept(1, 0, None)])]), World::Transform, "input 1"),
            (plan(vec![("main", vec![kept(0, 2, None)])]), World::Transform, "column 2"),
            (plan(vec![("main", vec![kept(0, 0, Some(""))])]), World::Transform, "empty"),
            (plan(vec![("main", vec![kept(0, 0, None), computed("a")])]), World::Transform, "two columns"),
            (plan(vec![("main", vec![Given::Computed(vec![].into())])]), World::Transform, "one root"),
            (
                plan(vec![("main", vec![Given::Computed(vec![field("a"), field("b")].into())])]),
                World::Transform,
                "one root",
            ),
            (reads(vec![]), World::Transform, "of 0 inputs"),
            (reads(vec![vec![2].into()]), World::Transform, "column 2"),
            (reads(vec![vec![0; SCHEMA_NODES_MAX + 1].into()]), World::Transform, "4097 columns"),
            (upserts(), World::Transform, "other than inserts"),
            (from_guest::Plan { state: state.clone(), ..main() }, World::Transform, "no state"),
            (from_guest::Plan { state: twice, ..main() }, World::Keyed, "two columns"),
            (main(), World::Aggregate, "accumulator"),
            (
                from_guest::Plan { state, ..plan(vec![("main", vec![kept(0, 0, None)])]) },
                World::Aggregate,
                "keeps none",
            ),
        ] {
            let error = check(given, &inputs(), world).unwrap_err();
            assert!(error.contains(says), "{error:?} does not say {says:?}");
        }
    }
}
