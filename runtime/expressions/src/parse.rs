//! The text of an expression into the syntax tree of `sqlparser`, and places in that tree back into bytes of the text. It knows no
//! columns and no types.

mod misread;

use std::ops::Range;

use sqlparser::ast::Expr;
use sqlparser::dialect::Dialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, Tokenizer};

use crate::error::ExpressionError;
use crate::limits::{DEPTH_MAX, NODES_MAX, TEXT_BYTES_MAX};

/// Expressions as standard SQL has them: text in single quotes; names in double quotes or backquotes if they are not words.
#[derive(Debug)]
struct ExpressionDialect;

impl Dialect for ExpressionDialect {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"' || ch == '`'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '_'
    }
}

/// Where the lines of a text begin, so that a line and a column are found.
pub(crate) struct Places<'t> {
    text: &'t str,
    lines: Vec<usize>,
}

impl<'t> Places<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, lines }
    }

    /// The bytes of a span; of an empty one, those of `of`, which it is a part of.
    pub(crate) fn range(&self, span: Span, of: &Range<usize>) -> Range<usize> {
        if span.start.line == 0 {
            return of.clone();
        }
        let start = self.byte(span.start);
        start..self.byte(span.end).max(start)
    }

    /// The name of the type that a cast gives the part that ends at a place: what follows `as`, or `::`.
    pub(crate) fn type_behind(&self, end: usize) -> Option<Range<usize>> {
        let rest = self.text.get(end..)?;
        let behind = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ')');
        let (name, is_bare) = match behind.strip_prefix("::") {
            Some(name) => (name, true),
            None => (
                behind.get(2..).filter(|_| behind.get(..2).is_some_and(|word| word.eq_ignore_ascii_case("as")))?,
                false,
            ),
        };
        let name = name.trim_start();
        let mut depth = 0_usize;
        let ends = |c: char| {
            depth += usize::from(c == '(');
            let is_end = depth == 0 && (c == ')' || is_bare && !c.is_alphanumeric() && c != '_');
            depth = depth.saturating_sub(usize::from(c == ')'));
            is_end
        };
        let name_end = match name.strip_prefix('"') {
            Some(quoted) => quoted.find('"').map(|end| end + 2),
            None => name.find(ends),
        };
        let name_end = name_end.unwrap_or(name.len());
        let start = self.text.len() - name.len();
        Some(start..start + name[..name_end].trim_end().len()).filter(|name| !name.is_empty())
    }

    fn byte(&self, at: Location) -> usize {
        let line = usize::try_from(at.line).unwrap_or(usize::MAX).saturating_sub(1);
        let Some(begin) = self.lines.get(line) else { return self.text.len() };
        let column = usize::try_from(at.column).unwrap_or(usize::MAX).saturating_sub(1);
        self.text[*begin..].char_indices().nth(column).map_or(self.text.len(), |(offset, _)| begin + offset)
    }
}

/// Parses a text that is one expression.
///
/// # Errors
/// What cannot be parsed, and where; also what follows the expression.
pub(crate) fn parse(text: &str) -> Result<Expr, ExpressionError> {
    let whole = 0..text.len();
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the expression has {} bytes; at most {TEXT_BYTES_MAX} are read", text.len());
        return Err(ExpressionError::new(&(0..0), message));
    }
    if text.trim().is_empty() {
        return Err(ExpressionError::new(&whole, "the expression is empty"));
    }
    let places = Places::new(text);
    let tokens = Tokenizer::new(&ExpressionDialect, text).tokenize_with_location().map_err(|error| {
        let at = places.byte(error.location);
        ExpressionError::new(&(at..at), format!("the expression cannot be read: {}", error.message))
    })?;
    if tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).count() > 2 * NODES_MAX {
        let message = format!("the expression has too many parts; at most {NODES_MAX} are read");
        return Err(ExpressionError::new(&whole, message));
    }
    if nesting(tokens.iter().map(|token| &token.token)) > DEPTH_MAX {
        return Err(ExpressionError::new(&whole, too_deep()));
    }
    let words = misread::words(&tokens);
    let misread = |error: ExpressionError| misread::explained(&words, &places).unwrap_or(error);
    let mut parser = Parser::new(&ExpressionDialect).with_recursion_limit(DEPTH_MAX).with_tokens_with_locations(tokens);
    let expr = parser.parse_expr().map_err(|error| misread(syntax_error(&error, &places, text)))?;
    let next = parser.peek_token();
    match next.token {
        Token::EOF => Ok(expr),
        token => {
            let range = places.range(next.span, &whole);
            let hint = match token {
                Token::DoubleEq => "; equality is a single =",
                Token::Overlap => "; both conditions are joined by and",
                Token::Word(_) => "; a name with a hyphen or a space is written in double quotes or backquotes",
                _ => "",
            };
            let shown = text.get(range.clone()).unwrap_or_default();
            let message = format!("the expression ends before {shown:?}, and nothing may follow{hint}");
            Err(misread(ExpressionError::new(&range, message)))
        }
    }
}

fn too_deep() -> String {
    format!("the expression nests too deep; at most {DEPTH_MAX} levels are read")
}

/// How deep parentheses and `case` nest, and how many `not` follow each other. The parser has a limit too, but takes a word that is too
/// deep for a name, and then complains about what follows.
fn nesting<'t>(tokens: impl Iterator<Item = &'t Token>) -> usize {
    let (mut depth, mut nots, mut deepest) = (0_usize, 0_usize, 0_usize);
    for token in tokens.filter(|token| !matches!(token, Token::Whitespace(_))) {
        let keyword = match token {
            Token::Word(word) => word.keyword,
            _ => Keyword::NoKeyword,
        };
        nots = if keyword == Keyword::NOT { nots + 1 } else { 0 };
        match (token, keyword) {
            (Token::LParen, _) | (_, Keyword::CASE) => depth += 1,
            (Token::RParen, _) | (_, Keyword::END) => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth + nots);
    }
    deepest
}

/// The operator of other languages at a place, or just before it, and what it is called in SQL.
fn foreign_word(text: &str, at: usize) -> Option<(&'static str, Range<usize>)> {
    let words = [("&&", "and"), ("||", "or, of conditions, and puts texts together"), ("==", "=")];
    words.into_iter().find_map(|(foreign, word)| {
        let starts = [Some(at), at.checked_sub(1), at.checked_sub(2)].into_iter().flatten();
        let start =
            starts.into_iter().find(|start| text.get(*start..).is_some_and(|rest| rest.starts_with(foreign)))?;
        Some((word, start..start + foreign.len()))
    })
}

fn syntax_error(error: &ParserError, places: &Places<'_>, text: &str) -> ExpressionError {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        ParserError::RecursionLimitExceeded => {
            return ExpressionError::new(&(0..text.len()), too_deep());
        }
    };
    // The parser tells its place as text: "... found: EOF at Line: 1, Column: 10".
    let (what, place) = message.split_once(" at Line: ").unwrap_or((message, ""));
    let location = place
        .split_once(", Column: ")
        .and_then(|(line, column)| Some(Location::new(line.trim().parse().ok()?, column.trim().parse().ok()?)));
    let at = location.filter(|location| location.line > 0).map_or(text.len(), |location| places.byte(location));
    let end = text[at..].find(|c: char| c.is_whitespace() || c == ')' || c == ',').map_or(text.len(), |end| at + end);
    if let Some((word, found)) = foreign_word(text, at) {
        return ExpressionError::new(
            &found,
            format!("the expression cannot be read: in SQL {:?} is {word}", &text[found.clone()]),
        );
    }
    if what.starts_with("No infix parser") {
        let is_symbol = |c: &char| !c.is_alphanumeric() && !c.is_whitespace() && !"_'\"`()".contains(*c);
        let operator: String = text[at..].chars().take_while(is_symbol).collect();
        let message = format!("the expression cannot be read: there is no operator {operator:?}");
        return ExpressionError::new(&(at..at + operator.len()), message);
    }
    let what = what.replace("EOF", "the end").replace("Expected: ", "expected ").replace(", found: ", ", found ");
    ExpressionError::new(&(at..end), format!("the expression cannot be read: {what}"))
}
