//! No name of the contract is a keyword of a language that operators may be written in: who writes bindings by hand, or with a
//! generator that is not tried here, need not escape any.

use std::collections::BTreeSet;

use crate::names::worlds;

const C: &str = "auto bool break case char const constexpr continue default do double else enum extern false float for goto if inline int \
                 long nullptr register restrict return short signed sizeof static struct switch thread_local true typedef typeof union \
                 unsigned void volatile while";
const CPP: &str = "alignas alignof and asm bitand bitor catch class compl concept const_cast constexpr decltype delete dynamic_cast \
                   explicit export friend mutable namespace new noexcept not operator or private protected public requires static_assert \
                   static_cast template this thread_local throw try typeid typename using virtual wchar_t xor";
const GO: &str = "break case chan const continue default defer else fallthrough for func go goto if import interface map nil package range \
                  return select struct switch type var";
const JAVASCRIPT: &str = "arguments await break case catch class const continue debugger default delete do else enum eval export extends \
                          false finally for function if implements import in instanceof interface let new null package private protected \
                          public return static super switch this throw true try typeof undefined var void while with yield";
const PYTHON: &str = "and as assert async await break class continue def del elif else except false finally for from global if import in \
                      is lambda none nonlocal not or pass raise return self true try while with yield";
const RUST: &str = "abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen if impl in \
                    let loop macro match mod move mut override priv pub ref return self static struct super trait true try type typeof \
                    unsafe unsized use virtual where while yield";
const TYPESCRIPT: &str = "any bigint boolean declare never number object string symbol unknown";
const ZIG: &str = "addrspace align allowzero and anyframe anytype asm async await break callconv catch comptime const continue defer else \
                   enum errdefer error export extern fn for if inline linksection noalias noinline nosuspend opaque or orelse packed pub \
                   resume return struct suspend switch test threadlocal try union unreachable usingnamespace var volatile while";

/// Keywords that are names all the same. The level `error` of a log, which every log has, is written `@"error"` in Zig.
const ALLOWED: [&str; 1] = ["error"];

#[test]
fn no_name_is_a_keyword() {
    let languages = [C, CPP, GO, JAVASCRIPT, PYTHON, RUST, TYPESCRIPT, ZIG];
    let keywords: BTreeSet<&str> = languages.iter().flat_map(|list| list.split_whitespace()).collect();
    let mut all = BTreeSet::new();
    for world in worlds() {
        all.insert(world.name);
        all.extend(world.names.into_iter().flat_map(|name| [name.interface, name.name]));
    }
    // Of every kind: an interface, a world, a type, a field, a case, a function, a parameter.
    for name in ["keyed", "keyed-operator", "delta", "null-count", "indices", "on-timer", "key-of-row"] {
        assert!(all.contains(name), "{name} is not in {all:?}");
    }
    let is_keyword = |name: &&String| keywords.contains(name.replace('-', "_").as_str());
    let found: Vec<_> = all.iter().filter(is_keyword).filter(|name| !ALLOWED.contains(&name.as_str())).collect();
    assert!(found.is_empty(), "names of the contract that are keywords somewhere: {found:?}; choose others");
}
