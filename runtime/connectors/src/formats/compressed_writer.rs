//! Bytes on their way into an output that may be compressed. A member of gzip, or a frame of zstd, ends where it is told to, and the next one
//! begins with the next byte: what was written up to there can be read without what follows.

use std::io::{self, Write};

use flate2::write::GzEncoder;

use super::compression::Compression;

/// Compresses what is written, or passes it on as it is.
pub(crate) struct CompressedWriter<W: Write> {
    compression: Option<Compression>,
    state: State<W>,
}

enum State<W: Write> {
    /// Outside of a member.
    Between(W),
    Gzip(GzEncoder<W>),
    Zstd(zstd::stream::write::Encoder<'static, W>),
    /// A write has failed, and nothing can be written any more.
    Lost,
}

impl<W: Write> CompressedWriter<W> {
    /// Onto an output that is empty: it has one member, if only an empty one.
    pub(crate) fn begin(compression: Option<Compression>, out: W) -> io::Result<Self> {
        let mut this = Self::resume(compression, out);
        this.begin_member()?;
        Ok(this)
    }

    /// Onto an output behind whole members.
    pub(crate) fn resume(compression: Option<Compression>, out: W) -> Self {
        Self { compression, state: State::Between(out) }
    }

    fn begin_member(&mut self) -> io::Result<()> {
        let Some(compression) = self.compression else { return Ok(()) };
        if let State::Between(_) = self.state {
            let State::Between(out) = std::mem::replace(&mut self.state, State::Lost) else { return Ok(()) };
            self.state = match compression {
                Compression::Gzip => State::Gzip(GzEncoder::new(out, flate2::Compression::default())),
                Compression::Zstd => {
                    let mut encoder = zstd::stream::write::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
                    encoder.include_checksum(true)?;
                    State::Zstd(encoder)
                }
            };
        }
        Ok(())
    }

    /// Ends the member that was begun, if there is one, and passes all bytes on.
    pub(crate) fn end_member(&mut self) -> io::Result<()> {
        let mut out = match std::mem::replace(&mut self.state, State::Lost) {
            State::Between(out) => out,
            State::Gzip(encoder) => encoder.finish()?,
            State::Zstd(encoder) => encoder.finish()?,
            State::Lost => return Err(lost()),
        };
        out.flush()?;
        self.state = State::Between(out);
        Ok(())
    }
}

impl<W: Write> Write for CompressedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begin_member()?;
        match &mut self.state {
            State::Between(out) => out.write(bytes),
            State::Gzip(encoder) => encoder.write(bytes),
            State::Zstd(encoder) => encoder.write(bytes),
            State::Lost => Err(lost()),
        }
    }

    /// Passes on plain bytes. What is compressed stays where it is until its member ends: to flush it would make it larger.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Between(out) => out.flush(),
            State::Gzip(_) | State::Zstd(_) => Ok(()),
            State::Lost => Err(lost()),
        }
    }
}

fn lost() -> io::Error {
    io::Error::other("an earlier write has failed")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::super::compression::Decompressed;
    use super::*;

    /// What a test looks into while it is written.
    #[derive(Clone, Default)]
    struct Shared(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn text(compression: Compression, bytes: &[u8]) -> io::Result<String> {
        let mut text = String::new();
        Decompressed::new(compression, bytes)?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn what_was_written_up_to_the_end_of_a_member_can_be_read_alone() {
        for compression in [Compression::Gzip, Compression::Zstd] {
            let out = Shared::default();
            let mut writer = CompressedWriter::begin(Some(compression), out.clone()).unwrap();
            writer.end_member().unwrap();
            let empty = out.0.lock().unwrap().clone();
            assert_eq!((text(compression, &empty).unwrap().as_str(), empty.is_empty()), ("", false));
            writer.write_all(b"one\n").unwrap();
            writer.flush().unwrap();
            writer.end_member().unwrap();
            writer.end_member().unwrap();
            let first = out.0.lock().unwrap().clone();
            writer.write_all(b"two\n").unwrap();
            drop(writer);
            assert!(out.0.lock().unwrap().starts_with(&first));
            assert_eq!(text(compression, &first).unwrap(), "one\n");
            let mut resumed = CompressedWriter::resume(Some(compression), first);
            resumed.write_all(b"three\n").unwrap();
            resumed.end_member().unwrap();
            let State::Between(both) = resumed.state else { panic!("a member is open") };
            assert_eq!(text(compression, &both).unwrap(), "one\nthree\n");
        }
    }

    #[test]
    fn plain_bytes_are_passed_on_as_they_are() {
        let out = Shared::default();
        let mut writer = CompressedWriter::begin(None, out.clone()).unwrap();
        writer.write_all(b"one\n").unwrap();
        writer.end_member().unwrap();
        assert_eq!(*out.0.lock().unwrap(), b"one\n");
    }
}
