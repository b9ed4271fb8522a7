//! What is no plain text: compressed files and UTF-16, told by the bytes that they begin with. Reads none of them; what [`super::compression`]
//! reads gets here only where that cannot be.

use super::compression::Compression;

/// A way to write bytes that no format here reads.
struct Encoding {
    /// What a file of it is.
    is: &'static str,
    mark: &'static [u8],
    /// The command that makes text of a file; of UTF-16, what the option `encoding` calls it; of Parquet and Arrow, `format`.
    reader: &'static str,
}

/// What is said of bytes that should be text.
pub(crate) const NOT_UTF_8: &str = "is not UTF-8 (a file in Latin-1 needs `encoding = \"windows-1252\"`)";

const UTF_16: &str = "UTF-16 text, and not UTF-8";

const PARQUET: &str = "a Parquet file";
const ARROW: &str = "in the format of Arrow";

const ENCODINGS: [Encoding; 11] = [
    Encoding { is: "compressed with gzip", mark: b"\x1f\x8b", reader: "zcat" },
    Encoding { is: "compressed with zstd", mark: b"\x28\xb5\x2f\xfd", reader: "zstdcat" },
    Encoding { is: "compressed with xz", mark: b"\xfd7zXZ\0", reader: "xzcat" },
    // The header has no other byte that is never in text; this is the magic number of the first block.
    Encoding { is: "compressed with bzip2", mark: b"BZh91AY&SY", reader: "bzcat" },
    Encoding { is: "compressed with lz4", mark: b"\x04\x22\x4d\x18", reader: "lz4cat" },
    Encoding { is: "a zip archive", mark: b"PK\x03\x04", reader: "unzip -p" },
    // The mark, and how a page begins: text may begin with the mark alone.
    Encoding { is: PARQUET, mark: b"PAR1\x15", reader: "parquet" },
    Encoding { is: ARROW, mark: b"ARROW1\0\0", reader: "arrow" },
    // A stream: how its first message begins.
    Encoding { is: ARROW, mark: b"\xff\xff\xff\xff", reader: "arrow" },
    Encoding { is: UTF_16, mark: b"\xff\xfe", reader: "utf-16" },
    Encoding { is: UTF_16, mark: b"\xfe\xff", reader: "utf-16" },
];

/// As many bytes decide.
pub(crate) const MARK_BYTES_MAX: usize = 10;

/// What is wrong with an input that begins with these bytes, and what to do about it, if it is no plain text. `name`: its file;
/// `None`: it is piped in.
pub(crate) fn problem(name: Option<&str>, begin: &[u8]) -> Option<String> {
    let marked = ENCODINGS.iter().find(|encoding| begin.starts_with(encoding.mark)).map(|of| (of.is, of.reader));
    let (is, reader) = marked.or_else(|| Some((UTF_16, unmarked_utf_16(begin)?)))?;
    Some(match name {
        _ if is == UTF_16 => {
            let name = name.unwrap_or("what is piped in");
            format!("{name} is {is}: a source without `follow` reads it with `encoding = {reader:?}`")
        }
        Some(name) if is == PARQUET || is == ARROW => format!("{name} is {is}: set `format = {reader:?}`"),
        None if is == PARQUET || is == ARROW => {
            format!("what is piped in is {is}, and only a file is read as one: `connector = \"file\"`")
        }
        Some(name) => format!(
            "{name} is {is}: pipe it in as text, `{reader} {name} | weir run PIPELINE`, with `connector = \"stdin\"` in the pipeline"
        ),
        None => format!("what is piped in is {is}: make text of it first, `{reader} FILE | weir run PIPELINE`"),
    })
}

/// Whether a reader would take text that begins with these bytes for something else, or for too little to tell.
pub(crate) fn is_told_as_other(begin: &[u8]) -> bool {
    Compression::of_begin(begin).is_some() || problem(None, begin).is_some() || is_undecided(begin)
}

/// Whether more bytes are needed to tell.
pub(crate) fn is_undecided(begin: &[u8]) -> bool {
    let may_be_unmarked = match begin {
        // A line end alone is a line.
        [first] => *first != b'\n',
        [1..=u8::MAX, 0] | [1..=u8::MAX, 0, 1..=u8::MAX] | [0, 1..=u8::MAX] | [0, 1..=u8::MAX, 0] => true,
        _ => false,
    };
    may_be_unmarked
        || ENCODINGS.iter().any(|encoding| begin.len() < encoding.mark.len() && encoding.mark.starts_with(begin))
}

/// What the option `encoding` calls UTF-16 without a mark, if these bytes are that: every other one is zero, as in no text of UTF-8.
fn unmarked_utf_16(begin: &[u8]) -> Option<&'static str> {
    match begin {
        [1..=u8::MAX, 0, 1..=u8::MAX, 0, ..] => Some("utf-16le"),
        [0, 1..=u8::MAX, 0, 1..=u8::MAX, ..] => Some("utf-16be"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_is_told_by_its_first_bytes_and_text_is_none() {
        for encoding in &ENCODINGS {
            assert!(encoding.mark.len() <= MARK_BYTES_MAX);
            for bytes in 1..encoding.mark.len() {
                assert!(is_undecided(&encoding.mark[..bytes]) && problem(None, &encoding.mark[..bytes]).is_none());
            }
            let begin = [encoding.mark, b"and more"].concat();
            assert!(!is_undecided(&begin));
            let told = problem(Some("in.csv"), &begin).unwrap();
            let advice = match encoding.is {
                UTF_16 => "a source without `follow`",
                PARQUET | ARROW => "set `format = ",
                _ => "pipe it in",
            };
            assert!(told.starts_with(&format!("in.csv is {}: {advice}", encoding.is)), "{told}");
        }
        for (begin, order) in [(b"a\0,\0", "le"), (b"\0a\0,", "be")] {
            assert!((1..4).all(|bytes| is_undecided(&begin[..bytes])) && !is_undecided(begin));
            assert!(problem(None, begin).unwrap().contains(&format!("`encoding = \"utf-16{order}\"`")));
        }
        for text in ["BZhang,age\n", "PK,name\n", "PAR1,a\n", "{\"a\":1}\n", "\u{feff}a,b\n", "PK\n", "\n", "a\n"] {
            assert!(problem(None, text.as_bytes()).is_none() && !is_undecided(text.as_bytes()), "{text}");
        }
    }
}
