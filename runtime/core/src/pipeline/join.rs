//! `[joins.NAME]`: two inputs by name, the columns that must be equal, and which rows of a key belong together.

use toml::de::DeValue;

use super::columns::listed;
use super::problems::{Problems, Result, together};
use super::table::Table;
use super::window::{assigner, state_bytes};
use crate::diagnostic::Diagnostic;
use crate::graph::{JoinBounds, JoinNode, JoinType, NodeKind, Spanned};
use crate::names::did_you_mean;

const KEYS: &[&str] = &["inputs", "on", "type", "interval", "window", "ttl", "as-of", "columns", "limits"];
const INTERVAL: &str = "interval = { from = \"-1h\", to = \"4h\" }";

/// Reads a join.
pub(super) fn read(table: &Table<'_>) -> Result<NodeKind> {
    together! {
        _keys = table.check_keys(KEYS);
        ports = ports(table);
        join_type = join_type(table);
        bounds = bounds(table);
        columns = listed(table);
        state_bytes = state_bytes(table);
    }
    let on = on(table, &ports)?;
    let is_as_of = matches!(bounds, JoinBounds::AsOfEventTime { .. } | JoinBounds::AsOfNow);
    if is_as_of && !matches!(join_type.value, JoinType::Inner | JoinType::Left) {
        let message = format!(
            "type = {:?} cannot be used with as-of: rows of {:?} are a table, in which each left row is looked up",
            join_type.value.name(),
            ports[1].value
        );
        let hint = "type = \"inner\", or \"left\" for left rows that are not found, too";
        return Err(Diagnostic::error(message, join_type.span).with_hint(hint).into());
    }
    Ok(NodeKind::Join(JoinNode { ports, on, join_type, bounds, columns, state_bytes }))
}

/// The names of the two inputs, as `inputs` has them.
fn ports(table: &Table<'_>) -> Result<[Spanned<String>; 2]> {
    let inputs = table.required("inputs", table.table("inputs")?)?;
    let names: Vec<Spanned<String>> = inputs.entries().into_iter().map(|(name, _)| name).collect();
    let refused = names.iter().find_map(|name| {
        let c = name.value.chars().find(|c| !c.is_alphanumeric() && !"-_".contains(*c));
        let what = match c {
            Some(c) => format!("{c:?} cannot be in the name of an input: letters, digits, - and _ can"),
            None if name.value.is_empty() => "the name of an input cannot be empty".to_owned(),
            None => return None,
        };
        Some(Diagnostic::error(what, name.span.clone()))
    });
    if let Some(problem) = refused {
        return Err(problem.into());
    }
    <[_; 2]>::try_from(names).map_err(|names| {
        let message = format!("a join has two inputs, the left one first, and {} are named", names.len());
        let problem = Diagnostic::error(message, inputs.span.clone());
        problem.with_hint("inputs = { orders = \"orders\", shipments = \"shipments\" }").into()
    })
}

fn join_type(table: &Table<'_>) -> Result<Spanned<JoinType>> {
    let value = table.choice("type", &JoinType::NAMES)?.unwrap_or(JoinType::Inner);
    Ok(Spanned { value, span: table.get("type").map_or_else(|| table.span.clone(), |value| Some(value.span())) })
}

/// `on = ["orders.id = shipments.order"]`, one pair or more.
fn on(table: &Table<'_>, ports: &[Spanned<String>; 2]) -> Result<Vec<(Spanned<String>, Spanned<String>)>> {
    let pairs = table.required("on", table.strings("on")?)?;
    if pairs.is_empty() {
        let span = table.get("on").map(|value| value.span());
        return Err(Diagnostic::error("on names no columns", span).with_hint(example(ports)).into());
    }
    Problems::all(pairs.iter().map(|pair| {
        let refuse = |message: String| Diagnostic::error(message, pair.span.clone());
        let sides = pair.value.split_once('=').filter(|(_, right)| !right.contains('='));
        let Some((first, second)) = sides else {
            let message = format!("{:?} is not a pair of columns", pair.value);
            return Err(refuse(message).with_hint(example(ports)));
        };
        let (first, second) = (side(first, ports), side(second, ports));
        let (first, second) = (first.map_err(refuse)?, second.map_err(refuse)?);
        let spanned = |column: String| Spanned { value: column, span: pair.span.clone() };
        match (first, second) {
            ((0, left), (1, right)) | ((1, right), (0, left)) => Ok((spanned(left), spanned(right))),
            ((port, _), _) => {
                let message = format!("both columns of {:?} are of {:?}", pair.value, ports[port].value);
                Err(refuse(message).with_hint(example(ports)))
            }
        }
    }))
}

fn example(ports: &[Spanned<String>; 2]) -> String {
    format!("on = [\"{}.COLUMN = {}.COLUMN\"]", ports[0].value, ports[1].value)
}

/// The input, 0 or 1, and the column that a text such as `orders.id` names.
fn side(text: &str, ports: &[Spanned<String>; 2]) -> std::result::Result<(usize, String), String> {
    let text = text.trim();
    let (name, column) = text.split_once('.').unwrap_or((text, ""));
    let known = [ports[0].value.as_str(), ports[1].value.as_str()];
    match known.iter().position(|port| *port == name.trim()) {
        Some(port) if !column.trim().is_empty() => Ok((port, column.trim().to_owned())),
        Some(_) => Err(format!("{text:?} names no column: write it as \"{}.COLUMN\"", name.trim())),
        None => {
            let near = did_you_mean(name.trim(), &known);
            Err(format!("there is no input {:?}{near}; the inputs are {}", name.trim(), known.join(", ")))
        }
    }
}

fn bounds(table: &Table<'_>) -> Result<JoinBounds> {
    if let Some(is_now) = table.choice("as-of", &[("event-time", false), ("now", true)])? {
        let refused = if is_now { &["interval", "window", "ttl"][..] } else { &["interval", "window"] };
        if let Some((key, value)) = refused.iter().find_map(|key| Some((key, table.get(key)?))) {
            let message = match *key {
                "ttl" => {
                    "a join with as-of = \"now\" has no ttl: the table is kept for ever, and limits.state bounds it"
                        .to_owned()
                }
                key => {
                    format!("a join with as-of has no {key}: each left row is looked up in the right input as a table")
                }
            };
            return Err(Diagnostic::error(message, Some(value.span())).with_hint("remove it, or as-of").into());
        }
        if is_now {
            return Ok(JoinBounds::AsOfNow);
        }
        let ttl = ttl(table)?.and_then(|bounds| if let JoinBounds::Regular { ttl } = bounds { ttl } else { None });
        return Ok(JoinBounds::AsOfEventTime { ttl });
    }
    match (table.table("interval")?, table.table("window")?, ttl(table)?) {
        (Some(interval), None, None) => self::interval(&interval),
        (None, Some(window), None) => Ok(JoinBounds::Window(assigner(&window)?)),
        (None, None, Some(regular)) => Ok(regular),
        (interval, window, _) if interval.is_some() || window.is_some() => {
            let span = ["ttl", "window"].iter().find_map(|key| table.get(key)).map(toml::Spanned::span);
            let message = "a join has one of interval, window and ttl: each says until when rows are kept";
            Err(Diagnostic::error(message, span).into())
        }
        _ => {
            // A misspelt key may be the missing one, and is reported already.
            if table.check_keys(KEYS).is_err() {
                return Err(Problems::default());
            }
            let message = format!(
                "{} would keep all rows for ever: it needs an interval, a window, a ttl, or as-of",
                table.described()
            );
            let hint = format!("{INTERVAL}, window = {{ tumbling = \"1h\" }}, ttl = \"1d\", or as-of = \"event-time\"");
            Err(Diagnostic::error(message, table.span.clone()).with_hint(hint).into())
        }
    }
}

/// `ttl = "1d"`, or `"none"`.
fn ttl(table: &Table<'_>) -> Result<Option<JoinBounds>> {
    match table.string("ttl")? {
        None => Ok(None),
        Some(text) if text.value == "none" => Ok(Some(JoinBounds::Regular { ttl: None })),
        Some(text) => match table.duration_us("ttl")? {
            ttl @ Some(1..) => Ok(Some(JoinBounds::Regular { ttl })),
            _ => {
                let problem = Diagnostic::error("ttl must be longer than zero", text.span);
                Err(problem.with_hint("ttl = \"none\" keeps rows for ever").into())
            }
        },
    }
}

/// `{ from = "-1h", to = "4h" }`; `after` and `before` instead leave the bound itself out.
fn interval(table: &Table<'_>) -> Result<JoinBounds> {
    together! {
        _keys = table.check_keys(&["from", "after", "to", "before"]);
        lower = bound(table, "from", "after", 1);
        upper = bound(table, "to", "before", -1);
    }
    if lower > upper {
        let problem =
            Diagnostic::error("no time is within these bounds: the first is after the second", table.span.clone());
        return Err(problem
            .with_hint("they count from the left row: interval = { from = \"-1h\", to = \"4h\" }")
            .into());
    }
    Ok(JoinBounds::Interval { lower: Some(lower), upper: Some(upper) })
}

/// A bound that one of two keys gives, in microseconds; `exclusive` is moved by `step` so that it is one that is included.
fn bound(table: &Table<'_>, inclusive: &str, exclusive: &str, step: i64) -> Result<i64> {
    let (included, excluded) = (table.signed_duration_us(inclusive)?, table.signed_duration_us(exclusive)?);
    match (included, excluded) {
        (Some(bound), None) => Ok(bound),
        (None, Some(bound)) => Ok(bound.saturating_add(step)),
        (Some(_), Some(_)) => {
            let span = table.get(exclusive).map(toml::Spanned::<DeValue<'_>>::span);
            let message = format!("{inclusive} and {exclusive} are the same bound, with and without the bound itself");
            Err(Diagnostic::error(message, span).with_hint("remove one").into())
        }
        (None, None) => {
            let message = format!(
                "{} needs a key {inclusive:?} or {exclusive:?}: without that bound rows are kept for ever",
                table.described()
            );
            Err(Diagnostic::error(message, table.span.clone()).with_hint(INTERVAL).into())
        }
    }
}
