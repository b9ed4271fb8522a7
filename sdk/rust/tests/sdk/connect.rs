//! What `describe` answers: plans, and messages that name what does not fit.

use weir_sdk::testing::{Refused, Table};
use weir_sdk::transform::{Connected, Emitter, Outputs, Row, RowError, Transform};
use weir_sdk::wire::{Input, KeptColumn, OutputColumn};
use weir_sdk::{TimestampMillis, testing};

#[derive(Row)]
struct Bid {
    auction: i64,
    price: i64,
    ts: TimestampMillis,
    tags: Vec<String>,
}

/// An operator that reads `$input` and emits `$output`, never.
macro_rules! operator {
    ($name:ident, $input:ty, $output:ty) => {
        #[derive(serde::Deserialize)]
        struct $name;

        impl Transform for $name {
            type Input<'a> = $input;
            type Output<'a> = $output;

            fn process(&self, _: $input, _: &mut Emitter<$output>) -> Result<(), RowError> {
                Ok(())
            }
        }
    };
}

fn refusal<Op: Transform>(operator: Op) -> String {
    match testing::transform::<_, Bid>(operator, &[]) {
        Err(Refused::Describe(message)) => message,
        other => panic!("{other:?}"),
    }
}

const HAS: &str = "the input has auction: int64, price: int64, ts: timestamp(ms, UTC), tags: list<utf8>";

#[test]
fn a_column_that_is_missing_or_has_another_type_is_named() {
    #[derive(Row)]
    struct Missing {
        bidder: Option<u32>,
    }
    operator!(ReadsMissing, Missing, ());
    assert_eq!(
        refusal(ReadsMissing),
        format!("there is no column \"bidder\" (uint32), which the operator reads; {HAS}")
    );

    #[derive(Row)]
    struct Other {
        #[row(name = "price")]
        cents: f64,
    }
    operator!(ReadsOther, Other, ());
    assert_eq!(
        refusal(ReadsOther),
        format!("column \"price\" is int64 (i64 in Rust), but the operator reads it as float64; {HAS}")
    );

    #[derive(Row)]
    struct Finer {
        ts: weir_sdk::TimestampSeconds,
    }
    operator!(ReadsFiner, Finer, ());
    assert_eq!(
        refusal(ReadsFiner),
        format!(
            "column \"ts\" is timestamp(ms, UTC) (TimestampMillis in Rust), but the operator reads it as a timestamp of seconds or coarser; {HAS}"
        )
    );

    #[derive(Row)]
    struct Items {
        tags: Vec<Vec<u8>>,
    }
    operator!(ReadsItems, Items, ());
    assert_eq!(
        refusal(ReadsItems),
        format!("column \"tags\" is list<utf8>, but the operator reads it as list<binary>; {HAS}")
    );

    #[derive(Row)]
    #[row(keep(auction, seller))]
    struct Kept;
    operator!(KeepsMissing, (), Kept);
    assert_eq!(refusal(KeepsMissing), format!("there is no column \"seller\", which output \"main\" keeps; {HAS}"));
}

#[test]
fn a_plan_reads_what_the_row_names_and_keeps_what_the_output_says() {
    #[derive(Row)]
    struct Reads {
        price: i64,
        auction: i64,
        #[row(event_time)]
        time: weir_sdk::Timestamp,
    }
    #[derive(Row)]
    #[row(keep(ts, price as cents, auction))]
    struct Renamed {
        note: String,
        auction: String,
    }
    #[derive(Row)]
    #[row(keep_all)]
    struct Rejected;
    #[derive(Outputs)]
    enum Both {
        #[expect(dead_code, reason = "only its type counts here")]
        Main(Renamed),
        #[expect(dead_code, reason = "only its type counts here")]
        TooCheap(Rejected),
    }
    operator!(Splits, Reads, Both);

    let columns = Table::of::<Bid>(&[]).fields().to_vec();
    let (_, plan) = Connected::connect(Splits, &[Input { columns, ..Input::default() }]).unwrap();
    assert_eq!(plan.reads, [[1, 0]]);
    assert!(plan.reads_event_times);
    let kept =
        |column, name: Option<&str>| OutputColumn::Kept(KeptColumn { input: 0, column, name: name.map(str::to_owned) });
    let computed = |name| {
        OutputColumn::Computed(vec![weir_sdk::wire::Field {
            name,
            format: "u".to_owned(),
            nullable: false,
            children: 0,
        }])
    };
    let [main, rejected] = &plan.outputs[..] else { panic!("{:?}", plan.outputs) };
    assert_eq!((main.name.as_str(), rejected.name.as_str()), ("main", "too-cheap"));
    // `auction` takes the place of the kept column; `note` follows.
    let expected = [kept(2, None), kept(1, Some("cents")), computed("auction".to_owned()), computed("note".to_owned())];
    assert_eq!(main.columns, expected);
    assert_eq!(rejected.columns, (0..4).map(|column| kept(column, None)).collect::<Vec<_>>());
}

#[test]
fn computed_columns_follow_the_order_of_the_plan() {
    #[derive(Row, Debug, PartialEq)]
    struct Swapped {
        b: Vec<i64>,
        a: i64,
        c: i64,
    }
    #[derive(Row)]
    struct Letters {
        a: i64,
        b: i64,
    }
    #[derive(Row)]
    #[row(keep_all)]
    struct Out {
        c: i64,
        b: Vec<i64>,
        a: i64,
    }
    #[derive(serde::Deserialize)]
    struct Swap;
    impl Transform for Swap {
        type Input<'a> = Letters;
        type Output<'a> = Out;
        fn process(&self, Letters { a, b }: Letters, out: &mut Emitter<Out>) -> Result<(), RowError> {
            out.emit(Out { a: b, b: vec![a, a], c: a + b });
            Ok(())
        }
    }
    let results = testing::transform(Swap, &[Letters { a: 1, b: 2 }, Letters { a: 3, b: 4 }]).unwrap();
    assert_eq!(results.output("main").schema(), ["a: int64", "b: list<int64>", "c: int64"]);
    let expected = [(2, vec![1, 1], 3), (4, vec![3, 3], 7)].map(|(a, b, c)| Swapped { b, a, c });
    assert_eq!(results.main::<Swapped>(), expected);
}

#[test]
fn an_operator_has_one_input() {
    operator!(Nothing, (), ());
    let refused = Connected::connect(Nothing, &[]).err();
    assert_eq!(refused.as_deref(), Some("the operator has one input, and is connected to 0"));
}

#[test]
fn a_configuration_is_json_or_nothing() {
    #[derive(serde::Deserialize, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Config {
        least: i64,
    }
    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Unit;
    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Empty {}
    assert_eq!(testing::configured("{\"least\": 3}"), Ok(Config { least: 3 }));
    for nothing in ["", "{}", "null"] {
        assert_eq!(testing::configured(nothing), Ok(Unit));
        assert_eq!(testing::configured(nothing), Ok(Empty {}));
    }
    let refused = |json: &str| testing::configured::<Config>(json).unwrap_err().to_string();
    assert_eq!(refused("{}"), "config: missing field `least` at line 1 column 2");
    assert_eq!(refused("{\"lest\": 3}"), "config: unknown field `lest`, expected `least` at line 1 column 7");
}
