//! `transform::export!`, `keyed::export!` and `aggregate::export!`: in WebAssembly they put an operator behind the exports of its
//! world; natively they only check its type.

#[doc(hidden)]
#[macro_export]
macro_rules! __export_transform {
    ($operator:ty) => {
        const _: () = {
            const fn is_transform<Op: $crate::transform::ColumnTransform>() {}
            is_transform::<$operator>()
        };
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Component = $crate::guest::TransformComponent<$operator>;
    $crate::guest::transform::export!(Component with_types_in $crate::guest::transform);
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_keyed {
    ($operator:ty) => {
        const _: () = {
            const fn is_keyed<Op: $crate::keyed::Keyed>() {}
            is_keyed::<$operator>()
        };
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Component = $crate::guest::KeyedComponent<$operator>;
    $crate::guest::keyed::export!(Component with_types_in $crate::guest::keyed);
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_aggregate {
    ($operator:ty) => {
        const _: () = {
            const fn is_aggregate<Op: $crate::aggregate::Aggregate>() {}
            is_aggregate::<$operator>()
        };
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Component = $crate::guest::AggregateComponent<$operator>;
    $crate::guest::aggregate::export!(Component with_types_in $crate::guest::aggregate);
        };
    };
    ($operator:ty, retract) => {
        $crate::__export_aggregate!($operator);
        const _: () = {
            const fn can_retract<Op: $crate::aggregate::Retract>() {}
            can_retract::<$operator>()
        };
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Component = $crate::guest::AggregateComponent<$operator>;
    $crate::guest::retract::export!(Component with_types_in $crate::guest::retract);
        };
    };
}
