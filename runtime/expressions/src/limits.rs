//! Every bound of expressions, with the reason for it.

/// Bytes of the text of one expression at most: longer ones are written by programs, which can write an operator.
pub const TEXT_BYTES_MAX: usize = 16 << 10;
/// How deep parentheses and calls may nest: parsing recurses, on threads with stacks of 2 MiB.
pub const DEPTH_MAX: usize = 32;
/// How many levels the tree of an expression has at most: `a + b + c` has one for each operator, `a or b or c` one for all of them.
pub const TREE_DEPTH_MAX: usize = 80;
/// Operators, names and literals of one expression at most: together with the depth this bounds the memory that one batch takes.
pub const NODES_MAX: usize = 2048;
/// Bytes of one text that an expression makes, at most: a row whose text is longer fails.
pub const VALUE_BYTES_MAX: usize = 16 << 20;
/// Bytes of all texts that one operation makes of one batch, at most: a larger batch is evaluated in parts. At least one value of
/// [`VALUE_BYTES_MAX`], so that a single row always has room.
pub const BATCH_BYTES_MAX: usize = 64 << 20;
/// Bytes of a compiled regular expression at most: `\w{1000}` is short to write and large to keep.
pub const REGEX_BYTES_MAX: usize = 1 << 20;
/// Steps of a path into a JSON document at most.
pub const JSON_PATH_STEPS_MAX: usize = 32;
/// Characters of an expression, or of a value, that the reason of a failed row shows.
pub const SHOWN_CHARS_MAX: usize = 80;
