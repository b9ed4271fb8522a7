//! The functions of the three worlds: found by name when a component is loaded, checked for their types then, and bound for
//! each instance.

use std::marker::PhantomData;

use wasmtime::Store;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, ComponentNamedList, Instance, Lift, Lower, TypedFunc};

use crate::abi::{List, RETRACT, Text, from_guest, interface, to_guest};
use crate::ctx::Ctx;
use crate::load::export_of;
use crate::plan::World;

/// What a function gives: its result, or why the call failed.
type Answer<T> = (Result<T, Text>,);

/// `about` of each interface
pub(crate) type About = TypedFunc<(), (from_guest::OperatorInfo,)>;
/// `describe` of each interface
pub(crate) type Describe = TypedFunc<(&'static str, &'static [to_guest::Input<'static>]), Answer<from_guest::Plan>>;
/// `transform.process`
pub(crate) type Process = TypedFunc<(u32, to_guest::Batch<'static>), Answer<from_guest::TransformDelta>>;
/// `keyed.process`
pub(crate) type KeyedProcess = TypedFunc<
    (u32, to_guest::Batch<'static>, &'static [u8], to_guest::States<'static>, to_guest::Clock),
    Answer<from_guest::KeyedDelta>,
>;
/// `keyed.on-timer`
pub(crate) type OnTimer = TypedFunc<
    (to_guest::Timers<'static>, to_guest::Batch<'static>, to_guest::States<'static>, to_guest::Clock),
    Answer<from_guest::KeyedDelta>,
>;
/// `keyed.migrate`
pub(crate) type Migrate =
    TypedFunc<(u32, &'static [to_guest::Field<'static>], to_guest::States<'static>), Answer<List<from_guest::Array>>>;
/// `aggregate.accumulate`
pub(crate) type Accumulate =
    TypedFunc<(to_guest::Batch<'static>, &'static [u8], to_guest::States<'static>), Answer<from_guest::Accumulated>>;
/// `aggregate.merge`, and `retract.retract`
pub(crate) type Merge =
    TypedFunc<(to_guest::States<'static>, to_guest::States<'static>), Answer<List<from_guest::Array>>>;
/// `aggregate.finish`
pub(crate) type Finish = TypedFunc<(to_guest::States<'static>,), Answer<List<from_guest::Array>>>;

/// One exported function of a known type.
pub(crate) struct Export<F> {
    index: ComponentExportIndex,
    function: PhantomData<fn() -> F>,
}

impl<P, R> Export<TypedFunc<P, R>>
where
    P: ComponentNamedList + Lower + 'static,
    R: ComponentNamedList + Lift + 'static,
{
    /// Finds a function of an interface and checks its type.
    fn find(component: &Component, of: &str, function: &str) -> Result<Self, String> {
        let called = format!("{of}#{function}");
        let found = component.get_export_index(None, of).and_then(|of| component.get_export(Some(&of), function));
        let Some((ComponentItem::ComponentFunc(found), index)) = found else {
            return Err(format!("there is no function {called}"));
        };
        let types = component.component_type();
        found.typecheck::<P, R>(&types.instance_type()).map_err(|e| format!("{called}: {e:#}"))?;
        Ok(Self { index, function: PhantomData })
    }

    fn bind(&self, store: &mut Store<Ctx>, instance: &Instance) -> wasmtime::Result<TypedFunc<P, R>> {
        instance.get_typed_func(store, self.index)
    }
}

/// The functions of a component.
pub(crate) struct Exports {
    about: Export<About>,
    describe: Export<Describe>,
    world: WorldExports,
}

enum WorldExports {
    Transform(Export<Process>),
    Keyed(Export<KeyedProcess>, Export<OnTimer>, Export<Migrate>),
    Aggregate(Export<Accumulate>, Export<Merge>, Export<Finish>, Option<Export<Merge>>),
}

/// The functions of an instance, apart from `about` and `describe`.
#[derive(Clone, Copy)]
pub(crate) enum Functions {
    Transform { process: Process },
    Keyed { process: KeyedProcess, on_timer: OnTimer, migrate: Migrate },
    Aggregate { accumulate: Accumulate, merge: Merge, finish: Finish, retract: Option<Merge> },
}

impl Exports {
    /// Finds the functions of a world.
    ///
    /// # Errors
    /// Which one is missing or of another type.
    pub(crate) fn find(component: &Component, world: World) -> Result<Self, String> {
        let of = &interface(export_of(world));
        let world = match world {
            World::Transform => WorldExports::Transform(Export::find(component, of, "process")?),
            World::Keyed => WorldExports::Keyed(
                Export::find(component, of, "process")?,
                Export::find(component, of, "on-timer")?,
                Export::find(component, of, "migrate")?,
            ),
            World::Aggregate => WorldExports::Aggregate(
                Export::find(component, of, "accumulate")?,
                Export::find(component, of, "merge")?,
                Export::find(component, of, "finish")?,
                match component.get_export_index(None, RETRACT) {
                    Some(_) => Some(Export::find(component, RETRACT, "retract")?),
                    None => None,
                },
            ),
        };
        let (about, describe) = (Export::find(component, of, "about")?, Export::find(component, of, "describe")?);
        Ok(Self { about, describe, world })
    }

    /// Whether rows can be taken back of its accumulators.
    pub(crate) fn retracts(&self) -> bool {
        matches!(self.world, WorldExports::Aggregate(.., Some(_)))
    }

    /// `about` of an instance.
    ///
    /// # Errors
    /// Only if the instance is of another component.
    pub(crate) fn bind_about(&self, store: &mut Store<Ctx>, instance: &Instance) -> wasmtime::Result<About> {
        self.about.bind(store, instance)
    }

    /// The functions of an instance, apart from `about`.
    ///
    /// # Errors
    /// Only if the instance is of another component.
    pub(crate) fn bind(&self, store: &mut Store<Ctx>, instance: &Instance) -> wasmtime::Result<(Describe, Functions)> {
        let functions = match &self.world {
            WorldExports::Transform(process) => Functions::Transform { process: process.bind(store, instance)? },
            WorldExports::Keyed(process, on_timer, migrate) => Functions::Keyed {
                process: process.bind(store, instance)?,
                on_timer: on_timer.bind(store, instance)?,
                migrate: migrate.bind(store, instance)?,
            },
            WorldExports::Aggregate(accumulate, merge, finish, retract) => Functions::Aggregate {
                accumulate: accumulate.bind(store, instance)?,
                merge: merge.bind(store, instance)?,
                finish: finish.bind(store, instance)?,
                retract: retract.as_ref().map(|retract| retract.bind(store, instance)).transpose()?,
            },
        };
        Ok((self.describe.bind(store, instance)?, functions))
    }
}
