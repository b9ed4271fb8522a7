//! gzip and zstd: told by the first bytes of an input, and read as the bytes that were compressed. Opens no file.
//!
//! Several gzip members, or zstd frames, are read as one text, as `zcat` and `zstdcat` do. What is damaged or cut off is an error
//! that says where, never the end of the input.

use std::fmt;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::Deserialize;

use super::gzip_members::GzipMembers;

/// Bytes of compressed input that are read at once.
const BUFFER_BYTES: usize = 64 << 10;
/// How far back a zstd frame may point, as a power of 2: 8 MiB, which its standard asks every decoder to take, and which the levels up to 19
/// need. Each open file may need as much memory.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zstd,
}

/// What a sink is to compress with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SinkCompression {
    /// What is usual for the format: nothing, but Snappy in Parquet.
    #[default]
    #[serde(skip)]
    Usual,
    None,
    #[serde(alias = "gz")]
    Gzip,
    #[serde(alias = "zst")]
    Zstd,
    /// Of Parquet alone.
    Snappy,
}

impl SinkCompression {
    /// Of a file of this name, whose ending says it where nothing else does.
    pub(crate) fn of_file(self, path: &Path) -> Self {
        match (self, Compression::of_extension(path)) {
            (Self::Usual, Some(Compression::Gzip)) => Self::Gzip,
            (Self::Usual, Some(Compression::Zstd)) => Self::Zstd,
            (said, _) => said,
        }
    }

    /// Of what is around the bytes of a format that does not compress by itself.
    pub(crate) fn compression(self) -> Option<Compression> {
        match self {
            Self::Usual | Self::None | Self::Snappy => None,
            Self::Gzip => Some(Compression::Gzip),
            Self::Zstd => Some(Compression::Zstd),
        }
    }
}

impl Compression {
    /// What the first bytes of an input say.
    pub(crate) fn of_begin(begin: &[u8]) -> Option<Self> {
        match begin {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            // Or a frame that is to be skipped, with which some programs begin.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Whether more bytes are needed to tell.
    fn is_undecided(begin: &[u8]) -> bool {
        matches!(begin, [] | [0x1f] | [0x28] | [0x28, 0xb5] | [0x28, 0xb5, 0x2f])
            || matches!(begin, [0x50..=0x5f] | [0x50..=0x5f, 0x2a] | [0x50..=0x5f, 0x2a, 0x4d])
    }

    /// What the ending of a file's name says.
    pub(crate) fn of_extension(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "gz" => Some(Self::Gzip),
            "zst" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The ending of a compressed file's name, without the dot.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Zstd => "zst",
        }
    }

    /// Why a file of it cannot be followed.
    pub(crate) fn unfollowed(self, file: &str) -> String {
        format!(
            "{file} is compressed with {}, and `follow` reads plain text as it grows; a source without `follow` reads such files",
            self.name()
        )
    }

    /// As options and messages name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// The bytes that were compressed into another reader's.
pub(crate) struct Decompressed<R: Read> {
    compression: Compression,
    decoder: Decoder<R>,
    /// Bytes that were read of the compressed ones.
    taken: Arc<AtomicU64>,
    /// The input itself cannot be read.
    has_failed: Arc<AtomicBool>,
    given: u64,
}

enum Decoder<R: Read> {
    Gzip(Box<GzipMembers<BufReader<Counted<R>>>>),
    Zstd(zstd::stream::read::Decoder<'static, BufReader<Counted<R>>>),
}

impl<R: Read> Decompressed<R> {
    /// Over compressed bytes, from their beginning.
    pub(crate) fn new(compression: Compression, compressed: R) -> io::Result<Self> {
        let (taken, has_failed) = (Arc::default(), Arc::default());
        let counted = Counted { inner: compressed, taken: Arc::clone(&taken), has_failed: Arc::clone(&has_failed) };
        let buffered = BufReader::with_capacity(BUFFER_BYTES, counted);
        let decoder = match compression {
            Compression::Gzip => Decoder::Gzip(Box::new(GzipMembers::new(buffered))),
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(buffered)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Decoder::Zstd(decoder)
            }
        };
        Ok(Self { compression, decoder, taken, has_failed, given: 0 })
    }

    fn damage(&self, error: &io::Error) -> Damage {
        let what = match error.to_string() {
            _ if error.kind() == io::ErrorKind::UnexpectedEof => What::CutOff,
            text if text.contains("too much memory") => What::LargeWindow,
            text => What::Damaged(text),
        };
        let Self { compression, given, .. } = *self;
        Damage { compression, what, taken: self.taken.load(Ordering::Relaxed), given }
    }
}

impl<R: Read> Read for Decompressed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.decoder {
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Zstd(decoder) => decoder.read(buffer),
        };
        match read {
            Ok(bytes) => {
                self.given += bytes as u64;
                Ok(bytes)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) if self.has_failed.load(Ordering::Relaxed) => Err(error),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, self.damage(&error))),
        }
    }
}

/// Why compressed bytes cannot be read, and where.
#[derive(Debug)]
pub(crate) struct Damage {
    compression: Compression,
    what: What,
    taken: u64,
    given: u64,
}

#[derive(Debug)]
enum What {
    CutOff,
    LargeWindow,
    Damaged(String),
}

impl Damage {
    /// Of an error of [`Decompressed`], if the bytes are at fault and not the system.
    pub(crate) fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { compression, what, taken, given } = self;
        let name = compression.name();
        match what {
            What::CutOff => {
                write!(f, "its {name} data is cut off: it ends after {taken} bytes, within compressed text")?
            }
            What::LargeWindow => write!(
                f,
                "its zstd data needs a window of more than {} MiB: compress it with a level up to 19, and without `--long`",
                (1_u64 << ZSTD_WINDOW_LOG_MAX) >> 20
            )?,
            What::Damaged(why) => write!(f, "its {name} data is damaged within the first {taken} bytes ({why})")?,
        }
        write!(f, "; {given} decompressed bytes before that are good")
    }
}

impl std::error::Error for Damage {}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    taken: Arc<AtomicU64>,
    has_failed: Arc<AtomicBool>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        match &read {
            Ok(bytes) => drop(self.taken.fetch_add(*bytes as u64, Ordering::Relaxed)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.has_failed.store(true, Ordering::Relaxed),
        }
        read
    }
}

/// A stream that may be compressed. It is waited for until there are the few bytes that tell.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn decompressed_stream(mut bytes: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let (mut begin, mut block) = (Vec::new(), vec![0; BUFFER_BYTES]);
    while Compression::is_undecided(&begin) {
        match bytes.read(&mut block) {
            Ok(0) => break,
            Ok(len) => begin.extend_from_slice(block.get(..len).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let compression = Compression::of_begin(&begin);
    let whole = io::Cursor::new(begin).chain(bytes);
    Ok(match compression {
        Some(compression) => Box::new(Decompressed::new(compression, whole)?),
        None => Box::new(whole),
    })
}
