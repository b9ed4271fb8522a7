//! The tree of a checked expression: every part has its type, its place in the text, and arguments of the types that it takes.
//! It evaluates nothing.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use crate::arguments::Arguments;
use crate::evaluation_error::EvaluationError;
use crate::failures::Failures;

/// A part of an expression.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) op: Op,
    pub(crate) data_type: DataType,
    /// Bytes of the expression's text.
    pub(crate) range: Range<usize>,
    /// How many levels it has.
    pub(crate) depth: usize,
}

/// What a part does.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// A column, and the fields within it.
    Column {
        column: usize,
        fields: Vec<usize>,
    },
    /// An array of one value.
    Constant(ArrayRef),
    Not(Box<Node>),
    /// Conjunction of at least two.
    And(Vec<Node>),
    /// Disjunction of at least two.
    Or(Vec<Node>),
    /// A question whose answer is never null.
    Is(Test, Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    /// An operand, and the bounds that it is between.
    Between(Box<Node>, Box<Node>, Box<Node>),
    /// An operand, and what it may be equal to.
    In(Box<Node>, Vec<Node>),
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
    Negate(Box<Node>),
    /// Texts one after the other.
    Concat(Vec<Node>),
    /// A text, and the pattern in Arrow's form, whose escape is a backslash.
    Like {
        text: Box<Node>,
        pattern: ArrayRef,
        ignores_case: bool,
    },
    Case(Box<Case>),
    /// The first that is not null.
    Coalesce(Vec<Node>),
    /// A value, or null where it is equal to another in the type that both are compared in.
    NullIf {
        of: Box<Node>,
        other: Box<Node>,
        compared_as: DataType,
    },
    /// The same value as another type; a value that has no such form fails its row, or is null.
    Cast {
        of: Box<Node>,
        or_null: bool,
    },
    Call(Kernel, Vec<Node>),
}

/// `case` in both forms.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// What the conditions are compared with; `None`: they are conditions themselves.
    pub(crate) operand: Option<Node>,
    /// Conditions and results, at least one.
    pub(crate) branches: Vec<(Node, Node)>,
    pub(crate) otherwise: Option<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    Null,
    NotNull,
    True,
    NotTrue,
    False,
    NotFalse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Distinct,
    NotDistinct,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Arithmetic {
    pub(crate) fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Subtract => '-',
            Self::Multiply => '*',
            Self::Divide => '/',
            Self::Remainder => '%',
        }
    }
}

/// What a function does to the values of its arguments.
#[derive(Clone)]
pub(crate) struct Kernel(Arc<KernelFn>);

type KernelFn = dyn Fn(&Arguments<'_>, &mut Failures) -> Result<ArrayRef, EvaluationError> + Send + Sync;

impl Kernel {
    pub(crate) fn new(
        run: impl Fn(&Arguments<'_>, &mut Failures) -> Result<ArrayRef, EvaluationError> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(run))
    }

    pub(crate) fn run(&self, arguments: &Arguments<'_>, failures: &mut Failures) -> Result<ArrayRef, EvaluationError> {
        (self.0)(arguments, failures)
    }
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kernel")
    }
}

impl Node {
    pub(crate) fn new(op: Op, data_type: DataType, range: Range<usize>) -> Self {
        let mut node = Self { op, data_type, range, depth: 1 };
        node.depth += node.children().iter().map(|child| child.depth).max().unwrap_or(0);
        node
    }

    /// The value, if it is the same for all rows.
    pub(crate) fn constant(&self) -> Option<&ArrayRef> {
        match &self.op {
            Op::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// Whether it is `null` as written, which goes with every type.
    pub(crate) fn is_untyped_null(&self) -> bool {
        self.data_type == DataType::Null
    }

    /// The parts that it is made of.
    pub(crate) fn children(&self) -> Vec<&Node> {
        match &self.op {
            Op::Column { .. } | Op::Constant(_) => Vec::new(),
            Op::Not(of) | Op::Is(_, of) | Op::Negate(of) | Op::Cast { of, .. } | Op::Like { text: of, .. } => vec![of],
            Op::Compare(_, a, b) | Op::Arithmetic(_, a, b) | Op::NullIf { of: a, other: b, .. } => vec![a, b],
            Op::Between(of, low, high) => vec![of, low, high],
            Op::In(of, list) => std::iter::once(&**of).chain(list).collect(),
            Op::And(of) | Op::Or(of) | Op::Concat(of) | Op::Coalesce(of) | Op::Call(_, of) => of.iter().collect(),
            Op::Case(case) => {
                let branches = case.branches.iter().flat_map(|(condition, result)| [condition, result]);
                case.operand.iter().chain(branches).chain(&case.otherwise).collect()
            }
        }
    }
}
