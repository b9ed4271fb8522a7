//! The members of gzip in an input, one after the other, as one text. Zeros behind the last one are skipped, as `gzip` does: tapes and
//! some file systems fill blocks up with them.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// Reads them.
pub(super) struct GzipMembers<R> {
    /// `None`: there is no other one.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> GzipMembers<R> {
    /// Over an input that begins with a member.
    pub(super) fn new(compressed: R) -> Self {
        Self { member: Some(GzDecoder::new(compressed)) }
    }

    /// Begins the member behind the one that has ended, if there is one.
    fn begin_next(&mut self) -> io::Result<()> {
        let Some(mut compressed) = self.member.take().map(GzDecoder::into_inner) else { return Ok(()) };
        let is_padded = skip_zeros(&mut compressed)?;
        match (is_padded, compressed.fill_buf()?.is_empty()) {
            (_, true) => Ok(()),
            (true, false) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "there is something behind the zeros that it ends with"))
            }
            (false, false) => {
                self.member = Some(GzDecoder::new(compressed));
                Ok(())
            }
        }
    }
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = self.member.as_mut().filter(|_| !buffer.is_empty()) {
            match member.read(buffer)? {
                0 => self.begin_next()?,
                read => return Ok(read),
            }
        }
        Ok(0)
    }
}

/// Whether there were any.
fn skip_zeros(input: &mut impl BufRead) -> io::Result<bool> {
    let mut any = false;
    loop {
        let ahead = input.fill_buf()?;
        let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
        let is_done = zeros < ahead.len() || ahead.is_empty();
        input.consume(zeros);
        any |= zeros > 0;
        if is_done {
            return Ok(any);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Write as _};

    use flate2::write::GzEncoder;

    use super::*;

    fn member(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn members_are_one_text_and_zeros_may_be_behind_them() {
        let zeros = vec![0; 1000];
        for (bytes, expected) in [
            (member("one\n"), Some("one\n")),
            ([member("one\n"), member(""), member("two\n")].concat(), Some("one\ntwo\n")),
            ([member("one\n"), zeros.clone()].concat(), Some("one\n")),
            ([member("one\n"), member("two\n"), vec![0]].concat(), Some("one\ntwo\n")),
            ([member("one\n"), zeros, member("two\n")].concat(), None),
            ([member("one\n"), b"text\n".to_vec()].concat(), None),
            ([member("one\n"), vec![0x1f]].concat(), None),
        ] {
            // However the bytes come.
            for capacity in [1, 64, 64 << 10] {
                let mut text = String::new();
                let read =
                    GzipMembers::new(BufReader::with_capacity(capacity, bytes.as_slice())).read_to_string(&mut text);
                assert_eq!(read.is_ok().then_some(text.as_str()), expected, "{read:?}");
                assert!(text.starts_with("one\n"));
            }
        }
    }
}
