//! Tests of the order in which a chain calls its steps.

use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, Int64Array, RecordBatch};

use super::*;
use crate::dataflow::metrics::Metrics;
use crate::dataflow::step::{Route, Target};

/// Writes down how it is called. Restored, it gives out one batch first.
struct Noting {
    name: &'static str,
    is_restored: bool,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Noting {
    fn note(&self, call: &str) {
        self.calls.lock().unwrap().push(format!("{} {call}", self.name));
    }
}

impl Operator for Noting {
    fn process(&mut self, _: usize, _: StreamBatch, _: &mut Outputs) -> Result<Progress, OperatorError> {
        self.note("takes rows");
        Ok(Progress::Done)
    }

    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        if std::mem::take(&mut self.is_restored) {
            self.note("gives out its rest");
            let column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
            let rows = RecordBatch::try_from_iter([("n", column)]).unwrap();
            out.emit(0, StreamBatch::new(rows, vec![0].into(), 0));
        }
        Ok(Progress::Done)
    }

    fn restore(&mut self, _: Snapshot) -> Result<(), OperatorError> {
        self.is_restored = true;
        Ok(())
    }
}

#[test]
fn a_restored_step_gives_out_its_rest_before_it_takes_rows() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let step = |name: &'static str, to: Option<usize>| Step {
        name: name.to_owned(),
        operator: Some(Box::new(Noting { name, is_restored: false, calls: calls.clone() })),
        routes: vec![
            to.map(|step| Route { projection: None, to: Target::Step { step, input: 0 } }).into_iter().collect(),
        ],
        metrics: Metrics::default(),
        counts: Counts::Both,
    };
    let mut chain = Chain::new(vec![step("first", Some(1)), step("second", None)], Vec::new());
    chain.restore(|_| Snapshot::default()).unwrap();
    while chain.has_work() {
        chain.run(&mut Vec::new()).unwrap();
    }
    assert_eq!(*calls.lock().unwrap(), ["second gives out its rest", "first gives out its rest", "second takes rows"]);
}
