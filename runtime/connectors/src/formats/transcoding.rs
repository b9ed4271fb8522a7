//! Text that is not UTF-8, read as if it were. Opens no file.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, UTF_16BE, UTF_16LE, WINDOWS_1252};
use serde::Deserialize;

/// Bytes that are read at once.
const BUFFER_BYTES: usize = 64 << 10;
/// Stands for bytes that are no characters: as it is in no UTF-8, the record is malformed.
const NO_CHARACTER: u8 = 0xff;

/// How text is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TextEncoding {
    #[serde(rename = "utf-8")]
    Utf8,
    /// In the byte order that its mark says; without one, the less significant byte first.
    #[serde(rename = "utf-16")]
    Utf16,
    #[serde(rename = "utf-16le")]
    Utf16Le,
    #[serde(rename = "utf-16be")]
    Utf16Be,
    #[serde(rename = "windows-1252", alias = "latin1", alias = "iso-8859-1")]
    Windows1252,
}

impl TextEncoding {
    /// These bytes as UTF-8.
    pub(crate) fn read(self, bytes: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        let decoder = match self {
            Self::Utf8 => return bytes,
            Self::Utf16 => UTF_16LE.new_decoder(),
            Self::Utf16Le => UTF_16LE.new_decoder_with_bom_removal(),
            Self::Utf16Be => UTF_16BE.new_decoder_with_bom_removal(),
            Self::Windows1252 => WINDOWS_1252.new_decoder_without_bom_handling(),
        };
        Box::new(Transcoded { bytes, decoder, text: Vec::new(), given: 0, is_done: false })
    }
}

struct Transcoded {
    bytes: Box<dyn Read + Send>,
    decoder: Decoder,
    /// What was decoded, of which so much was given.
    text: Vec<u8>,
    given: usize,
    is_done: bool,
}

impl Transcoded {
    /// Decodes what comes next; nothing, at the end.
    fn decode(&mut self) -> io::Result<()> {
        let mut block = vec![0; BUFFER_BYTES];
        let len = self.bytes.read(&mut block)?;
        self.is_done = len == 0;
        let mut rest = block.get(..len).unwrap_or_default();
        self.text.clear();
        self.given = 0;
        loop {
            let room = self.decoder.max_utf8_buffer_length_without_replacement(rest.len());
            let begin = self.text.len();
            self.text.resize(begin + room.unwrap_or(BUFFER_BYTES), 0);
            let out = self.text.get_mut(begin..).unwrap_or_default();
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(rest, out, self.is_done);
            self.text.truncate(begin + written);
            rest = rest.get(read..).unwrap_or_default();
            match result {
                DecoderResult::InputEmpty => return Ok(()),
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => self.text.push(NO_CHARACTER),
            }
        }
    }
}

impl Read for Transcoded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given >= self.text.len() {
            if self.is_done {
                return Ok(0);
            }
            self.decode()?;
        }
        let read = self.text.get(self.given..).unwrap_or_default().read(buffer)?;
        self.given += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One byte at a time.
    struct Slow(io::Cursor<Vec<u8>>);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let len = buffer.len().min(1);
            self.0.read(&mut buffer[..len])
        }
    }

    #[test]
    fn text_is_decoded_however_it_comes_and_what_is_no_character_is_marked() {
        use TextEncoding::{Utf8, Utf16, Utf16Be, Utf16Le, Windows1252};
        for (encoding, bytes, expected) in [
            (Utf8, &b"a\xff"[..], &b"a\xff"[..]),
            (Utf16, b"\xff\xfea\0\xe4\0", "aä".as_bytes()),
            (Utf16, b"\xfe\xff\0a\0\xe4", "aä".as_bytes()),
            (Utf16, b"a\0\n\0", b"a\n"),
            (Utf16Le, b"\xff\xfe\x3d\xd8\x00\xde", "😀".as_bytes()),
            (Utf16Be, b"\0a\0\n", b"a\n"),
            (Utf16Le, b"a\0\x3d\xd8b\0", b"a\xffb"),
            (Utf16Le, b"a\0b", b"a\xff"),
            (Windows1252, b"\xe4\x80", "ä€".as_bytes()),
            (Utf16, b"", b""),
        ] {
            for is_slow in [false, true] {
                let cursor = io::Cursor::new(bytes.to_vec());
                let source: Box<dyn Read + Send> = if is_slow { Box::new(Slow(cursor)) } else { Box::new(cursor) };
                let mut text = Vec::new();
                encoding.read(source).read_to_end(&mut text).unwrap();
                assert_eq!(text, expected, "{encoding:?}");
            }
        }
    }
}
