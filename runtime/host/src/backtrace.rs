//! Where in an operator's code a call ended, for the message. It decides nothing.

use std::sync::{Arc, OnceLock};

use wasmtime::{FrameInfo, Trap, WasmBacktrace};

use crate::call_error::cut_reason;
use crate::imports::log::printable;
use crate::lines::{self, Lines};

/// Functions that are named of a trap.
const FRAMES_SHOWN: usize = 4;
/// How far behind the head of a loop its body begins, generously.
const LOOP_HEAD_BYTES: u32 = 32;

/// The lines of an operator's code, read when the first call fails. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct LinesOnce(Arc<(Vec<u8>, OnceLock<Lines>)>);

impl LinesOnce {
    /// Those of a component.
    pub(crate) fn of(component: &[u8]) -> Self {
        Self(Arc::new((lines::section(component).unwrap_or_default().to_vec(), OnceLock::new())))
    }

    fn get(&self) -> &Lines {
        let (section, lines) = &*self.0;
        lines.get_or_init(|| Lines::read(section).unwrap_or_default())
    }
}

/// `, in f (src/lib.rs:12) called by g (src/lib.rs:30) ...`: the innermost functions of the author's; without their lines, or if
/// none was the author's, the innermost functions by name. Empty if nothing is known.
pub(crate) fn innermost(error: &wasmtime::Error, lines: &LinesOnce) -> String {
    let (frames, lines) = (error.downcast_ref::<WasmBacktrace>().map_or(&[][..], WasmBacktrace::frames), lines.get());
    // Guests are stopped at the head of a loop, before its first instruction that has a line.
    let is_stopped = error.downcast_ref::<Trap>() == Some(&Trap::Interrupt);
    let reach = |index: usize| if is_stopped && index == 0 { LOOP_HEAD_BYTES } else { 0 };
    let own = frames.iter().enumerate().filter(|(_, frame)| !is_glue(frame));
    let mut shown: Vec<String> =
        own.flat_map(|(index, frame)| at(lines, frame, reach(index))).take(FRAMES_SHOWN).collect();
    if shown.is_empty() {
        let names =
            frames.iter().filter_map(|frame| Some(format!("{:#}", rustc_demangle::demangle(frame.func_name()?))));
        // How Rust comes from a panic to a trap says nothing of the operator.
        let is_own = |name: &String| !["std::", "core::", "__rust", "rust_"].iter().any(|of| name.contains(of));
        shown = names.filter(is_own).take(FRAMES_SHOWN).collect();
    }
    if shown.is_empty() {
        return String::new();
    }
    format!(", in {}", cut_reason(printable(&shown.join(" called by "))))
}

/// Whether it is one of the modules that a component has beside the author's.
fn is_glue(frame: &FrameInfo) -> bool {
    frame.module().name().is_some_and(|name| name.starts_with("wit-component:"))
}

fn at(lines: &Lines, frame: &FrameInfo, reach: u32) -> Vec<String> {
    let offset = frame.func_offset().and_then(|offset| u32::try_from(offset).ok());
    offset.map_or_else(Vec::new, |offset| lines.at(frame.func_index(), offset, reach))
}
