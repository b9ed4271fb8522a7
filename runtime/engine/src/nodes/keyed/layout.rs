//! State of one layout read by another: which changes need nobody's help, and making them. It never calls a component.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use weir_core::column_type::type_name;
use weir_host::StateLayout;

/// What to do about a layout that does not fit, as the end of a sentence.
pub(super) const ADVICE: &str = "; give the new layout another version, and convert the old one in `migrate`";

/// Whether both have the same columns. That one may be null is no difference: a state that is absent is.
pub(crate) fn is_same(from: &StateLayout, to: &StateLayout) -> bool {
    let (old, new) = (from.schema.fields(), to.schema.fields());
    let same = |(old, new): (&FieldRef, &FieldRef)| old.name() == new.name() && old.data_type() == new.data_type();
    from.version == to.version && old.len() == new.len() && old.iter().zip(new).all(same)
}

/// Whether every state of one is one of the other as it is.
pub(super) fn fits(from: &StateLayout, to: &StateLayout) -> bool {
    is_same(from, to) && holds_all(from, to)
}

/// Refuses a layout of the same version that would lose something, or have nulls where it has none: columns may come that can be null,
/// and types may be widened.
pub(crate) fn check_readable(from: &StateLayout, to: &StateLayout) -> Result<(), String> {
    check_columns(from, to)?;
    let stays =
        |old: &&FieldRef| !old.is_nullable() || to.schema.field_with_name(old.name()).is_ok_and(Field::is_nullable);
    match from.schema.fields().iter().find(|old| from.version == to.version && !stays(old)) {
        Some(old) => {
            Err(format!("the column {:?} of its state can be null, and could no longer be{ADVICE}", old.name()))
        }
        None => Ok(()),
    }
}

/// As [`check_readable`], but only [`check_nulls`] can tell which columns have nulls: a snapshot says of all that they may.
pub(super) fn check_columns(from: &StateLayout, to: &StateLayout) -> Result<(), String> {
    if from.version != to.version {
        return Ok(());
    }
    for old in from.schema.fields() {
        let Ok(new) = to.schema.field_with_name(old.name()) else {
            return Err(format!("its state no longer has the column {:?}, which would be lost{ADVICE}", old.name()));
        };
        if !widens(old.data_type(), new.data_type()) {
            let (name, old, new) = (old.name(), type_name(old.data_type()), type_name(new.data_type()));
            return Err(format!("the column {name:?} of its state is {old}, and would be {new}{ADVICE}"));
        }
    }
    let missing = |new: &&FieldRef| !new.is_nullable() && from.schema.field_with_name(new.name()).is_err();
    match to.schema.fields().iter().find(missing) {
        Some(new) => Err(format!(
            "its state has a new column {:?}, which must be nullable: keys have no value for it{ADVICE}",
            new.name()
        )),
        None => Ok(()),
    }
}

/// As [`check_columns`], but columns may go, and types be narrowed: a version that goes back discards what came since.
pub(crate) fn check_goes_back(from: &StateLayout, to: &StateLayout) -> Result<(), String> {
    check_columns(from, to).or_else(|error| check_columns(to, from).map_err(|_| error))
}

/// Whether some keys can have states of a new layout while others still have those of the old one: each holds all that the other makes.
pub(crate) fn can_share_keys(old: &StateLayout, new: &StateLayout) -> bool {
    fits(old, new) && fits(new, old)
}

/// The columns without which states could be read; none, if they could not be read without any either.
pub(super) fn to_give_up(from: &StateLayout, to: &StateLayout) -> Vec<String> {
    let is_read = |old: &FieldRef| {
        to.schema.field_with_name(old.name()).is_ok_and(|new| widens(old.data_type(), new.data_type()))
    };
    let (read, others): (Vec<_>, Vec<_>) = from.schema.fields().iter().cloned().partition(is_read);
    let without = StateLayout { version: from.version, schema: Arc::new(Schema::new(read)) };
    match check_columns(&without, to) {
        Ok(()) => others.iter().map(|field| field.name().clone()).collect(),
        Err(_) => Vec::new(),
    }
}

/// Whether every state of one layout is one of the other, by name; else it has to be tried. Columns that the other does not have are
/// given up.
pub(super) fn holds_all(from: &StateLayout, to: &StateLayout) -> bool {
    let holds_all = |new: &FieldRef| match from.schema.field_with_name(new.name()) {
        Ok(old) => widens(old.data_type(), new.data_type()) && (new.is_nullable() || !old.is_nullable()),
        Err(_) => new.is_nullable(),
    };
    from.version == to.version && to.schema.fields().iter().all(holds_all)
}

/// Refuses states, all present, of which one has no value where the layout says that each has one.
pub(super) fn check_nulls(layout: &StateLayout, columns: &[ArrayRef]) -> Result<(), String> {
    let mut fields = layout.schema.fields().iter().zip(columns);
    match fields.find(|(field, column)| !field.is_nullable() && column.null_count() > 0) {
        Some((field, _)) => Err(format!("the column {:?} of its state cannot be null, and is", field.name())),
        None => Ok(()),
    }
}

/// Whether every value of one type is a value of the other.
fn widens(from: &DataType, to: &DataType) -> bool {
    use DataType::{
        Binary, Float32, Float64, Int8, Int16, Int32, Int64, LargeBinary, LargeUtf8, UInt8, UInt16, UInt32, UInt64,
        Utf8,
    };
    let wider: &[DataType] = match from {
        Int8 => &[Int16, Int32, Int64],
        Int16 => &[Int32, Int64],
        Int32 => &[Int64, Float64],
        UInt8 => &[UInt16, UInt32, UInt64, Int16, Int32, Int64],
        UInt16 => &[UInt32, UInt64, Int32, Int64],
        UInt32 => &[UInt64, Int64],
        Float32 => &[Float64],
        Utf8 => &[LargeUtf8],
        Binary => &[LargeBinary],
        _ => &[],
    };
    from == to || wider.contains(to)
}

/// Columns of one layout as the other has them, by name: cast, or null where there are none. A value that the other type does not
/// have is an error, so that a rollback never cuts one off.
pub(super) fn cast(
    from: &StateLayout,
    to: &StateLayout,
    columns: &[ArrayRef],
    rows: usize,
) -> Result<Vec<ArrayRef>, String> {
    let exact = CastOptions { safe: false, ..CastOptions::default() };
    let column = |new: &FieldRef| {
        let Ok(index) = from.schema.index_of(new.name()) else { return Ok(new_null_array(new.data_type(), rows)) };
        let (old, column) = (from.schema.field(index).data_type(), &columns[index]);
        let no_value = |e: String| {
            format!("the column {:?} of its state cannot be {}: {e}", new.name(), type_name(new.data_type()))
        };
        let cast = cast_with_options(column, new.data_type(), &exact).map_err(|e| no_value(e.to_string()))?;
        // A kernel rounds and cuts off without a word; a value that converts back exactly is one of the narrower type.
        if !widens(old, new.data_type()) {
            let back = cast_with_options(&cast, old, &exact).map_err(|e| no_value(e.to_string()))?;
            if back.to_data() != column.to_data() {
                return Err(no_value("a value would be rounded".to_owned()));
            }
        }
        Ok(cast)
    };
    to.schema.fields().iter().map(column).collect()
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Float64Array, Int32Array, Int64Array, StringArray};
    use arrow::datatypes::{Int32Type, Int64Type};

    use super::*;

    fn layout(version: u32, fields: &[(&str, DataType, bool)]) -> StateLayout {
        let fields = fields.iter().map(|(name, of, nullable)| Field::new(*name, of.clone(), *nullable));
        StateLayout { version, schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())) }
    }

    #[test]
    fn what_would_lose_something_is_refused_and_says_what() {
        use DataType::{Int32, Int64, Utf8};
        let old = layout(1, &[("n", Int32, false), ("name", Utf8, true)]);
        let refused = |version, fields: &[_]| check_readable(&old, &layout(version, fields)).unwrap_err();
        assert!(
            check_readable(&old, &layout(1, &[("name", Utf8, true), ("n", Int64, true), ("x", Int64, true)])).is_ok()
        );
        assert!(check_readable(&old, &layout(2, &[])).is_ok(), "another version is for `migrate`");
        assert!(refused(1, &[("n", Int32, false)]).starts_with("its state no longer has the column \"name\""));
        let narrower = refused(1, &[("n", Utf8, false), ("name", Utf8, true)]);
        assert!(narrower.starts_with("the column \"n\" of its state is int32, and would be utf8;"), "{narrower}");
        let unknown = refused(1, &[("n", Int32, false), ("name", Utf8, true), ("x", Int64, false)]);
        assert!(unknown.starts_with("its state has a new column \"x\", which must be nullable"), "{unknown}");
        let certain = refused(1, &[("n", Int32, false), ("name", Utf8, false)]);
        assert!(
            certain.starts_with("the column \"name\" of its state can be null, and could no longer be;"),
            "{certain}"
        );
        let goes_back = check_goes_back(&old, &layout(1, &[("n", Int32, false), ("name", Utf8, false)]));
        assert!(goes_back.is_ok(), "what is there decides");
    }

    #[test]
    fn only_what_helps_is_to_be_given_up() {
        use DataType::{Int32, Int64, Utf8};
        let old = layout(1, &[("n", Int64, true), ("name", Utf8, true), ("x", Int64, true)]);
        let given_up = |fields: &[_]| to_give_up(&old, &layout(1, fields));
        assert_eq!(given_up(&[("n", Int64, false), ("name", Utf8, true)]), ["x"]);
        assert_eq!(given_up(&[("n", Int32, true), ("name", Utf8, false)]), ["n", "x"]);
        assert!(given_up(&[("n", Int32, false), ("name", Utf8, true)]).is_empty(), "keys would have no value for it");
    }

    #[test]
    fn what_may_not_go_back_has_to_be_tried() {
        use DataType::{Int32, Int64};
        let to = layout(1, &[("n", Int32, false)]);
        let wide = layout(1, &[("n", Int32, false), ("x", Int64, true)]);
        assert!(holds_all(&wide, &to), "a column is given up");
        assert!(wide.loses_columns_in(&to) && !to.loses_columns_in(&wide) && !to.loses_columns_in(&to));
        for from in
            [layout(2, &[("n", Int32, false)]), layout(1, &[("n", Int64, false)]), layout(1, &[("n", Int32, true)])]
        {
            assert!(!holds_all(&from, &to) && holds_all(&to, &layout(1, &[("n", Int64, true)])), "{from:?}");
        }
        let with_null: [ArrayRef; 1] = [Arc::new(Int32Array::from(vec![Some(1), None]))];
        assert_eq!(check_nulls(&to, &with_null).unwrap_err(), "the column \"n\" of its state cannot be null, and is");
    }

    #[test]
    fn keys_are_shared_only_where_each_layout_holds_all_of_the_other() {
        let of = |nullable| layout(1, &[("n", DataType::Int32, nullable)]);
        assert!(can_share_keys(&of(false), &of(false)) && can_share_keys(&of(true), &of(true)));
        assert!(!can_share_keys(&of(true), &of(false)), "a null that is there could not come along");
        assert!(!can_share_keys(&of(false), &of(true)), "its first null could not go back");
        assert!(!can_share_keys(&of(true), &layout(1, &[("n", DataType::Int64, true)])));
    }

    #[test]
    fn columns_are_matched_by_name_and_values_that_do_not_fit_are_no_nulls() {
        use DataType::{Int32, Int64, Utf8};
        let narrow = layout(1, &[("n", Int32, false), ("name", Utf8, true)]);
        let wide = layout(1, &[("x", Int64, true), ("name", Utf8, true), ("n", Int64, false)]);
        let columns: [ArrayRef; 2] =
            [Arc::new(Int32Array::from(vec![1, 2])), Arc::new(StringArray::from(vec![Some("a"), None]))];
        let widened = cast(&narrow, &wide, &columns, 2).unwrap();
        assert_eq!(widened[0].null_count(), 2);
        assert_eq!(widened[2].as_primitive::<Int64Type>().values(), &[1, 2]);
        let back = cast(&wide, &narrow, &widened, 2).unwrap();
        assert_eq!(back[0].as_primitive::<Int32Type>().values(), &[1, 2]);
        let too_large: Vec<ArrayRef> =
            vec![widened[0].clone(), widened[1].clone(), Arc::new(Int64Array::from(vec![1, 1 << 40]))];
        let error = cast(&wide, &narrow, &too_large, 2).unwrap_err();
        assert!(error.starts_with("the column \"n\" of its state cannot be int32"), "{error}");
        let [wide, narrow] = [layout(1, &[("n", DataType::Float64, true)]), layout(1, &[("n", Int32, true)])];
        let back = |values: [Option<f64>; 2]| cast(&wide, &narrow, &[Arc::new(Float64Array::from_iter(values))], 2);
        assert_eq!(back([Some(-2.0), None]).unwrap()[0].null_count(), 1);
        assert!(back([Some(1.5), None]).unwrap_err().ends_with("a value would be rounded"));
    }
}
