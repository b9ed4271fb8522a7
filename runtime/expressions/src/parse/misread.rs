//! Words that SQL has and that the parser took for columns, because what belongs to them is missing: `a and`, or a `case` without an `end`.
//! It is asked only about an expression that cannot be read, as a column may have such a name.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use super::Places;
use crate::error::ExpressionError;

/// A token, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    And,
    Or,
    Not,
    Case,
    When,
    Then,
    Else,
    End,
    Open,
    Close,
    Comma,
    Other,
}

/// The tokens of an expression, with their places.
pub(super) fn words(tokens: &[TokenWithSpan]) -> Vec<(Word, Span)> {
    let written = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    written.map(|token| (word(&token.token), token.span)).collect()
}

fn word(token: &Token) -> Word {
    match token {
        Token::LParen => Word::Open,
        Token::RParen => Word::Close,
        Token::Comma => Word::Comma,
        Token::Word(word) => match word.keyword {
            Keyword::AND => Word::And,
            Keyword::OR => Word::Or,
            Keyword::NOT => Word::Not,
            Keyword::CASE => Word::Case,
            Keyword::WHEN => Word::When,
            Keyword::THEN => Word::Then,
            Keyword::ELSE => Word::Else,
            Keyword::END => Word::End,
            _ => Word::Other,
        },
        _ => Word::Other,
    }
}

/// What is missing beside the first such word.
pub(super) fn explained(words: &[(Word, Span)], places: &Places<'_>) -> Option<ExpressionError> {
    let at = |span: Span, message: String| {
        let message = format!("the expression cannot be read: {message}");
        Some(ExpressionError::new(&places.range(span, &(0..places.text.len())), message))
    };
    let word_at = |index: Option<usize>| index.and_then(|index| words.get(index)).map(|(word, _)| *word);
    let mut cases = Vec::new();
    for (index, (word, span)) in words.iter().enumerate() {
        match word {
            Word::And | Word::Or => {
                let name = if *word == Word::And { "and" } else { "or" };
                if !ends_value(word_at(index.checked_sub(1))) {
                    return at(*span, format!("before `{name}` a condition is missing"));
                }
                if !begins_value(word_at(Some(index + 1))) {
                    return at(*span, format!("behind `{name}` a condition is missing"));
                }
            }
            Word::Case => cases.push(*span),
            Word::End => drop(cases.pop()),
            _ => {}
        }
    }
    let open = cases.pop()?;
    at(open, "this `case` has no `end`: case when CONDITION then VALUE else OTHER end".to_owned())
}

/// Whether a word can be the last one of a condition.
fn ends_value(word: Option<Word>) -> bool {
    matches!(word, Some(Word::Close | Word::End | Word::Other))
}

/// Whether a word can be the first one of a condition.
fn begins_value(word: Option<Word>) -> bool {
    matches!(word, Some(Word::Open | Word::Not | Word::Case | Word::Other))
}
