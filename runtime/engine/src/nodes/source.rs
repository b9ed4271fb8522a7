//! `[sources.NAME]`: a connector that brings rows in. Its rows are read by the head of its subtasks, so it has no operator.

use std::collections::BTreeSet;
use std::sync::Arc;

use weir_core::connector::{Source, Split};
use weir_core::graph::{DEAD_LETTER_OUTPUT, EventTimeColumn, EventTimeForm, MAIN_OUTPUT, Node, NodeKind, Spanned};

use crate::dataflow::operator::Operator;
use crate::dataflow::source::{EventTimeReader, dead_letter_schema};
use crate::plan::error::{CheckError, CheckErrors, column};
use crate::plan::node::{
    ChangelogMode, InputPort, MakeContext, MakeError, OutputPort, OutputRole, PlanContext, PlanNode, PortInput, Role,
    StepKind,
};
use crate::plan::source::{SourcePlan, TimedBy};

/// The section `sources`.
pub(crate) struct SourceKind;

struct SourceStep {
    plan: SourcePlan,
    outputs: [OutputPort; 2],
    parallelism: usize,
}

impl StepKind for SourceKind {
    fn section(&self) -> &'static str {
        "sources"
    }

    fn plan(&self, cx: &PlanContext<'_>, node: &Node, _: &[PortInput]) -> Result<Arc<dyn PlanNode>, CheckErrors> {
        let NodeKind::Source(spec) = &node.kind else {
            return Err(CheckError::at(&node.span, "this is no source").into());
        };
        let made = cx.connectors.source(&spec.connector.value, &spec.options);
        let source: Arc<dyn Source> =
            made.map_err(|e| CheckErrors::of_connector(&spec.connector, &spec.options, &e))?.into();
        if cx.graph.final_only.is_some() && source.is_endless() {
            let message = format!(
                "with mode = \"final\" results are given out when the input has ended, and {:?} never ends: let it end (kafka: stop = \
                 \"latest\"; file: no follow and no reload; nexmark: events), or leave the mode out",
                node.name
            );
            return Err(CheckError::at(&spec.connector.span, message).into());
        }
        let schema = source.schema();
        let event_time = match &spec.event_time {
            None => None,
            Some(EventTimeColumn { column: name, form }) => {
                let index = column(&schema, name)?;
                let reader = EventTimeReader::new(form, schema.field(index).data_type())
                    .map_err(|reason| CheckError::at(&name.span, format!("column {:?} {reason}", name.value)))?;
                Some((index, reader))
            }
        };
        let typed = |name: &Spanned<String>| -> Result<_, CheckErrors> {
            let index = column(&schema, name)?;
            let refused = || {
                let message = format!(
                    "{:?} cannot say watermarks: a timestamp, a date or an int64 of milliseconds can",
                    name.value
                );
                let error = CheckError::at(&name.span, message).of_types();
                if source.has_inferred_schema() { error.with_inferred(&node.name) } else { error }
            };
            let reader = EventTimeReader::new(&EventTimeForm::Typed, schema.field(index).data_type());
            let reader = reader.map_err(|_| refused())?;
            Ok((index, reader))
        };
        let punctuation = spec.punctuation.as_ref().map(typed).transpose()?;
        let changelog = source.changelog();
        if let (Some(EventTimeColumn { column, .. }), true) = (&spec.event_time, changelog == ChangelogMode::Retract) {
            let name = &node.name;
            let message =
                format!("{name:?} makes {changelog}, which have the time at which they come: remove event-time");
            return Err(CheckError::at(&column.span, message).into());
        }
        let splits = match &spec.splits {
            Some(listed) => listed.iter().map(|id| Split { id: id.clone() }).collect(),
            None => source
                .splits(cx.graph.parallelism)
                .map_err(|e| CheckErrors::of_connector(&spec.connector, &spec.options, &e))?,
        };
        let rows = OutputPort {
            always: event_time.iter().chain(&punctuation).map(|(index, _)| *index).collect(),
            changelog,
            key: source.key(),
            ..OutputPort::new(MAIN_OUTPUT, schema, OutputRole::Made)
        };
        let records = OutputPort::new(DEAD_LETTER_OUTPUT, dead_letter_schema(), OutputRole::Records);
        let parallelism = cx.graph.parallelism.min(splits.len()).max(1);
        let timed_by = TimedBy::of(cx.graph, node);
        let plan = SourcePlan { node: spec.clone(), source, event_time, punctuation, timed_by, splits };
        Ok(Arc::new(SourceStep { plan, outputs: [rows, records], parallelism }))
    }
}

impl PlanNode for SourceStep {
    fn kind(&self) -> &'static str {
        "source"
    }

    fn inputs(&self) -> &[InputPort] {
        &[]
    }

    fn outputs(&self) -> &[OutputPort] {
        &self.outputs
    }

    fn parallelism(&self) -> usize {
        self.parallelism
    }

    fn needs(&self, _: &[Option<BTreeSet<usize>>]) -> Vec<Vec<usize>> {
        Vec::new()
    }

    fn role(&self) -> Role<'_> {
        Role::Source(&self.plan)
    }

    fn make(&self, _: &MakeContext<'_>) -> Result<Option<Box<dyn Operator>>, MakeError> {
        Ok(None)
    }
}
