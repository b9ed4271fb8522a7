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
        match self.transcoder() {
            None => bytes,
            Some(transcoder) => Box::new(Transcoded { bytes, transcoder, text: Vec::new(), given: 0, is_done: false }),
        }
    }

    /// What makes UTF-8 of it, if it is not that.
    pub(crate) fn transcoder(self) -> Option<Transcoder> {
        let decoder = match self {
            Self::Utf8 => return None,
            Self::Utf16 => UTF_16LE.new_decoder(),
            Self::Utf16Le => UTF_16LE.new_decoder_with_bom_removal(),
            Self::Utf16Be => UTF_16BE.new_decoder_with_bom_removal(),
            Self::Windows1252 => WINDOWS_1252.new_decoder_without_bom_handling(),
        };
        Some(Transcoder { decoder, block: vec![0; BUFFER_BYTES] })
    }

    /// How lines end in text that begins with these bytes.
    pub(crate) fn line_end(self, begin: &[u8]) -> &'static [u8] {
        match self {
            Self::Utf8 | Self::Windows1252 => b"\n",
            Self::Utf16 if begin.starts_with(b"\xfe\xff") => b"\0\n",
            Self::Utf16 | Self::Utf16Le => b"\n\0",
            Self::Utf16Be => b"\0\n",
        }
    }
}

/// Makes UTF-8 of text that comes in pieces.
pub(crate) struct Transcoder {
    decoder: Decoder,
    /// What is decoded at once: as much is written each time, however many of the bytes are no characters.
    block: Vec<u8>,
}

impl Transcoder {
    /// Appends the text of these bytes. `is_last`: nothing comes behind them.
    pub(crate) fn push(&mut self, mut bytes: &[u8], is_last: bool, text: &mut Vec<u8>) {
        loop {
            let (result, read, written) =
                self.decoder.decode_to_utf8_without_replacement(bytes, &mut self.block, is_last);
            text.extend_from_slice(self.block.get(..written).unwrap_or_default());
            bytes = bytes.get(read..).unwrap_or_default();
            match result {
                DecoderResult::InputEmpty => return,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => text.push(NO_CHARACTER),
            }
        }
    }
}

struct Transcoded {
    bytes: Box<dyn Read + Send>,
    transcoder: Transcoder,
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
        self.text.clear();
        self.given = 0;
        self.transcoder.push(block.get(..len).unwrap_or_default(), self.is_done, &mut self.text);
        Ok(())
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
    /// If each byte that is no character cost a pass over the rest of its block, this would take minutes.
    #[test]
    fn text_without_a_character_takes_no_longer_than_other_text() {
        let bytes = b"\x00\xdc".repeat(4 << 20);
        let mut text = Vec::new();
        TextEncoding::Utf16Le.read(Box::new(io::Cursor::new(bytes))).read_to_end(&mut text).unwrap();
        assert!(text.len() == 4 << 20 && text.iter().all(|byte| *byte == NO_CHARACTER));
    }
}
