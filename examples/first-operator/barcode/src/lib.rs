//! Brings barcodes into one form of 13 digits, and refuses those whose check digit is wrong.

use weir_sdk::transform::{Emitter, Row, RowError, Transform, export};

/// The operator is its configuration: `config = { accept-upc = true }` in the pipeline file.
#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Barcode {
    /// Whether the 12 digits of a UPC are read too.
    accept_upc: bool,
}

/// The columns that it reads, by name.
#[derive(Row)]
pub struct Scan<'a> {
    code: &'a str,
}

/// The columns that it emits: all of the input, and one more.
#[derive(Row)]
#[row(keep_all)]
pub struct Checked {
    ean: String,
}

impl Transform for Barcode {
    type Input<'a> = Scan<'a>;
    type Output<'a> = Checked;

    fn process(&self, scan: Scan<'_>, out: &mut Emitter<Checked>) -> Result<(), RowError> {
        let ean = match scan.code.len() {
            12 if self.accept_upc => format!("0{}", scan.code),
            _ => scan.code.to_owned(),
        };
        check(&ean)?;
        out.emit(Checked { ean });
        Ok(())
    }
}

/// The last digit makes the sum of all digits, every second one three times, a multiple of ten.
fn check(ean: &str) -> Result<(), RowError> {
    if ean.len() != 13 || !ean.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RowError::new(format!("{ean:?} is not 13 digits")));
    }
    let digits = ean.bytes().map(|byte| u32::from(byte - b'0'));
    let sum: u32 = digits.zip([1, 3].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum();
    if !sum.is_multiple_of(10) {
        return Err(RowError::new(format!("the check digit of {ean} is wrong")));
    }
    Ok(())
}

export!(Barcode);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing;

    /// The columns of the result that the test looks at.
    #[derive(Row, Debug, PartialEq)]
    struct Seen {
        ean: String,
    }

    #[test]
    fn codes_get_one_form_and_wrong_ones_are_refused() {
        let scans = ["4006381333931", "036000291452", "4006381333937"].map(|code| Scan { code });
        let results = testing::transform(Barcode { accept_upc: true }, &scans).unwrap();
        let expected = ["4006381333931", "0036000291452"].map(|ean| Seen { ean: ean.to_owned() });
        assert_eq!(results.main::<Seen>(), expected);
        assert_eq!(results.rejected().len(), 1);
    }
}
