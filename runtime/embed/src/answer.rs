//! What a call of a task gives out, as bytes: how it stands, then what goes to other subtasks.
//!
//! ```text
//! u8 flags: 1 has more, 2 frozen, 4 ended, 8 had rows, 16 rows are held back
//! then, until the end: u32 LE edge | u32 LE target | u32 LE length | an element
//! ```

use weir_core::batch::StreamElement;
use weir_engine::embedded::Sent;

use crate::element::{EdgeSchema, write};
use crate::error::EmbedError;

/// It has more to give out: continue with it before anything else but a barrier.
pub const HAS_MORE: u8 = 1;
/// Its state at the barrier is there.
pub const FROZEN: u8 = 2;
/// It has ended; its last state is there.
pub const ENDED: u8 = 4;
/// Of a poll: there was something to read.
pub const HAD_ROWS: u8 = 8;
/// Rows wait for a batch to fill.
pub const HOLDING: u8 = 16;

/// The bytes; `columns` are those of the job's edges.
pub(crate) fn encode(flags: u8, number: usize, sent: &[Sent], columns: &[EdgeSchema]) -> Result<Vec<u8>, EmbedError> {
    let mut bytes = vec![flags];
    for Sent { edge, target, element } in sent {
        if matches!(element, StreamElement::Barrier(_)) {
            continue;
        }
        let Some(columns) = columns.get(*edge) else { continue };
        bytes.extend_from_slice(&count(*edge));
        bytes.extend_from_slice(&count(*target));
        let length = bytes.len();
        bytes.extend_from_slice(&count(0));
        write((*edge, number), element, columns, &mut bytes)?;
        let written = count(bytes.len() - length - size_of::<u32>());
        bytes[length..length + size_of::<u32>()].copy_from_slice(&written);
    }
    Ok(bytes)
}

fn count(n: usize) -> [u8; 4] {
    u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes()
}
