//! An input from a place in its text on, to which it has to be read: what is compressed or in another encoding has no way to begin there.

use std::time::Duration;

use weir_core::connector::ConnectorError;

use crate::formats::records::{Input, InputRead};

/// The input, and what was read of it behind the place.
struct Behind {
    ahead: Vec<u8>,
    input: Box<dyn Input>,
}

/// What is left of an input, and the byte before that.
type Passed = (Box<dyn Input>, Option<u8>);

/// Reads past so many bytes of text, and gives the last of them. `None`: there are fewer.
pub(super) fn behind(mut input: Box<dyn Input>, mut bytes: u64) -> Result<Option<Passed>, ConnectorError> {
    let (mut text, mut last) = (Vec::new(), None);
    while bytes > 0 {
        text.clear();
        if input.read(&mut text, Duration::ZERO)? != InputRead::Bytes {
            return Ok(None);
        }
        let passed = usize::try_from(bytes).unwrap_or(usize::MAX).min(text.len());
        bytes -= passed as u64;
        last = text.drain(..passed).next_back();
    }
    Ok(Some((Box::new(Behind { ahead: text, input }), last)))
}

impl Input for Behind {
    fn read(&mut self, buffer: &mut Vec<u8>, wait: Duration) -> Result<InputRead, ConnectorError> {
        if self.ahead.is_empty() {
            return self.input.read(buffer, wait);
        }
        buffer.append(&mut self.ahead);
        Ok(InputRead::Bytes)
    }
}
