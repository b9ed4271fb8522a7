//! Answers of `describe`: plans, most of which are nearly as they should be. A plan that is accepted has only indices in range, names
//! that are some, and the types that the guest gave.

use std::collections::HashSet;

use arrow::datatypes::{Field, Fields};
use libfuzzer_sys::arbitrary::Unstructured;
use weir_host::{InstanceError, OutputColumn, Plan, World};

use crate::guest::{self, WORLDS};
use crate::image::{Image, List};

pub(super) fn run(bytes: &[u8]) {
    let [world, bytes @ ..] = bytes else { return };
    let world = WORLDS[usize::from(*world) % WORLDS.len()];
    let mut u = Unstructured::new(bytes);
    let columns: Vec<Fields> = (0..4).map(|_| guest::fields(&mut u)).collect();
    let config = guest::config(&plan(u.take_rest(), world, &columns));
    let input = guest::input();
    match guest::of(world).describe(&config, std::slice::from_ref(&input), &guest::limits()) {
        Ok(plan) => check(&plan, input.schema.fields().len(), world),
        Err(error) => assert!(
            matches!(error, InstanceError::InvalidPlan(_) | InstanceError::Refused(_) | InstanceError::Guest(_)),
            "{error}"
        ),
    }
}

/// A plan with columns of these types.
fn plan(bytes: &[u8], world: World, columns: &[Fields]) -> Vec<u8> {
    let mut image = Image::new(bytes);
    let count = image.pick(0..=3);
    let read = image.indices(2, count);
    let read = image.bytes(&read).map(|word| if word == read.len() as u32 { count } else { word });
    let reads = image.elements(&read, 1);
    let mut outputs = Vec::new();
    let count = 1 + image.pick(0..=2);
    for index in 0..count {
        let name = if index == 0 { image.bytes(b"main") } else { image.name() };
        let columns = output(&mut image, world, &columns[0]);
        let changelog = image.pick(0..=32) / 31;
        outputs.extend([name[0], name[1], columns[0], columns[1], changelog]);
    }
    let outputs = image.elements(&outputs, count as usize);
    let has_state = image.odd(u32::from(world != World::Transform));
    let state = image.schema(&columns[1]);
    let mut maps = Vec::new();
    let count = if world == World::Keyed { image.pick(0..=2) } else { image.odd(0).min(2) };
    for _ in 0..count {
        maps.extend(image.name());
        maps.extend(image.schema(&columns[2]));
        maps.extend(image.schema(&columns[3]));
    }
    let maps = image.elements(&maps, count as usize);
    let (kind, reads_times) = (image.odd(0), image.pick(0..=1));
    let [reads_at, reads_len] = reads;
    let [outputs_at, outputs_len] = outputs;
    let [state_at, state_len] = state;
    let [maps_at, maps_len] = maps;
    image.finish(&[
        kind,
        reads_at,
        reads_len,
        reads_times,
        outputs_at,
        outputs_len,
        has_state,
        1,
        state_at,
        state_len,
        maps_at,
        maps_len,
    ])
}

fn output(image: &mut Image<'_>, world: World, fields: &Fields) -> List {
    let mut words = Vec::new();
    for field in fields {
        let is_kept = world != World::Aggregate && image.pick(0..=2) == 0;
        let variant = image.odd(u32::from(!is_kept));
        if is_kept {
            let (column, has_name, name) = (image.pick(0..=1), image.pick(0..=1), image.name());
            let (input, column) = (image.odd(0), image.odd(column));
            words.extend([variant, input, column, has_name, name[0], name[1]]);
        } else {
            let [at, count] = image.schema(&Fields::from(vec![field.clone()]));
            words.extend([variant, at, count, 0, 0, 0]);
        }
    }
    let count = words.len() / 6;
    image.elements(&words, count)
}

fn check(plan: &Plan, inputs: usize, world: World) {
    assert_eq!(plan.reads.len(), 1);
    assert!(plan.reads.iter().flatten().all(|column| *column < inputs), "{plan:?}");
    check_names(plan.outputs.iter().map(|output| output.name.as_str()));
    assert_eq!(plan.outputs[0].name, "main");
    for (index, output) in plan.outputs.iter().enumerate() {
        assert_eq!(plan.output_schema(index).fields().len(), output.columns.len());
        check_fields(output.schema.fields());
        for column in &output.columns {
            if let OutputColumn::Kept { input, column, .. } = column {
                assert!(*input == 0 && *column < inputs, "{plan:?}");
                assert!(world != World::Aggregate, "{plan:?}");
            }
        }
    }
    assert!(world != World::Transform || plan.state.is_none(), "{plan:?}");
    assert!(world != World::Aggregate || plan.state.is_some(), "{plan:?}");
    assert!(world == World::Keyed || plan.maps.is_empty(), "{plan:?}");
    plan.state.iter().for_each(|state| check_fields(state.schema.fields()));
    for map in &*plan.maps {
        assert!(!map.key.fields().is_empty(), "{plan:?}");
        check_fields(&map.key.fields().iter().chain(map.value.fields()).cloned().collect());
    }
}

fn check_fields(fields: &Fields) {
    check_names(fields.iter().map(|field| field.name().as_str()));
    let formats = |field: &Field| weir_host::format::format_of(field.data_type());
    assert!(
        fields.iter().all(|field| formats(field).is_some()),
        "{fields:?} has a type that cannot cross the boundary"
    );
}

fn check_names<'a>(names: impl Iterator<Item = &'a str>) {
    let mut seen = HashSet::new();
    for name in names {
        assert!(!name.is_empty() && !name.chars().any(char::is_control), "{name:?} is no name");
        assert!(seen.insert(name), "{name:?} is there twice");
    }
}
