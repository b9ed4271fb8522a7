//! Whether two pipeline files say the same: comments, blanks and ways to write keys and values do not count, the order of entries does.

use toml::de::{DeTable, DeValue};

/// Whether two texts say the same. One that is no TOML says nothing.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    one == other || entries(one).is_some_and(|entries_of_one| Some(entries_of_one) == entries(other))
}

/// Every value with the keys that lead to it, in the file's order.
fn entries(text: &str) -> Option<Vec<String>> {
    let root = DeTable::parse(text).ok()?;
    let mut entries = Vec::new();
    table("", root.get_ref(), &mut entries);
    Some(entries)
}

fn table(path: &str, table: &DeTable<'_>, entries: &mut Vec<String>) {
    let mut sorted: Vec<_> = table.iter().collect();
    sorted.sort_by_key(|(key, _)| key.span().start);
    for (key, of) in sorted {
        value(&format!("{path}.{:?}", key.get_ref()), of.get_ref(), entries);
    }
}

fn value(path: &str, value_of: &DeValue<'_>, entries: &mut Vec<String>) {
    match value_of {
        DeValue::Table(of) if !of.is_empty() => table(path, of, entries),
        DeValue::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(at, item)| value(&format!("{path}[{at}]"), item.get_ref(), entries));
        }
        // Two numbers that are written in two ways may be one; that they are not taken for the same changes nothing.
        other => entries.push(format!("{path} = {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn only_what_a_file_says_counts() {
        let file = "name = \"a\"\n[sources.s]\npath = 'in.csv' # here\nw = { b = 1, c = [1, 2] }\n";
        for (other, expected) in [
            ("# comment\nname = 'a'\nsources.s = { path = \"in.csv\", w.b = 1, w.c = [ 1,2 ] }", true),
            ("name = \"a\"\n[sources.s]\npath = 'in.csv'\nw = { c = [1, 2], b = 1 }\n", false),
            ("name = \"a\"\n[sources.s]\npath = 'in.csv'\nw = { b = 1, c = [2, 1] }\n", false),
            ("name = \"a\"\n[sources.s]\npath = 'in.csv'\nw = { b = \"1\", c = [1, 2] }\n", false),
            ("name = \"a\"\n[sources.s]\npath = 'in.csv'\nw = { b = 1, c = [1, 2] }\nx = {}\n", false),
            ("name = ", false),
        ] {
            assert_eq!(is_same(file, other), expected, "{other}");
        }
        assert!(is_same("no = toml =", "no = toml ="));
    }
}
