//! What monitoring reads: the figures of the jobs that run in the text format of OpenMetrics, which Prometheus reads. Names and meanings
//! are near to those of Flink's metrics: busy, backpressured and idle time is of each subtask, rows and bytes of each step.

use std::fmt::Error;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use weir_core::memory::MemoryBudget;
use weir_engine::{GuestFigures, GuestResources, NodeFigures, SubtaskFigures};

use crate::connections::ConnectionCounts;
use crate::jobs::{Bounds, Live};
use crate::model::{JobState, JobSummary};

/// What is told.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) jobs: Vec<(Live, JobSummary)>,
    pub(crate) bounds: Bounds,
    pub(crate) memory: Arc<MemoryBudget>,
    /// What all jobs take of the bounds.
    pub(crate) taken: GuestResources,
    pub(crate) connections: ConnectionCounts,
    /// Descriptors that are open, if that is known, and how many may be.
    pub(crate) files: (Option<u64>, u64),
    /// What is done in permits: its name, how much of it is under way, and how much may be.
    pub(crate) permits: [(&'static str, usize, usize); 3],
}

/// The figures as text.
pub(crate) fn text(figures: Figures) -> String {
    let mut registry = Registry::with_prefix("weir");
    registry.register_collector(Box::new(figures));
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = encode(&mut text, &registry);
    text
}

/// Which job, and which part of it.
type Labels<'a> = Vec<(&'static str, &'a str)>;

/// A metric: its name, what it is, and where it is found.
type Metric<T> = (&'static str, &'static str, fn(&T) -> u64);

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        self.of_server(&mut encoder)?;
        self.of_jobs(&mut encoder)?;
        self.of_nodes(&mut encoder)?;
        self.of_guests(&mut encoder)?;
        self.of_subtasks(&mut encoder)
    }
}

impl Figures {
    fn of_server(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let running = self.jobs.iter().filter(|(_, job)| is_up(job)).count() as i64;
        let one = |value| vec![(Vec::new(), value)];
        gauge(encoder, "jobs_running", "Jobs that run.", one(running))?;
        let most = i64::try_from(self.bounds.jobs_max).unwrap_or(i64::MAX);
        gauge(encoder, "jobs_limit", "Jobs that may run at a time.", one(most))?;
        let of_states = |bytes: u64| one(i64::try_from(bytes).unwrap_or(i64::MAX));
        let (used, limit) = (of_states(self.memory.used()), of_states(self.memory.limit()));
        gauge(encoder, "state_memory_all_bytes", "Memory that the state of all jobs takes.", used)?;
        gauge(encoder, "state_memory_limit_all_bytes", "Memory that the state of all jobs may take.", limit)?;
        let disk = self.bounds.disk;
        let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let help = "Bytes of disk that one job may have.";
        let most = disk.job_bytes_max.map(|most| (Vec::new(), bytes(most))).into_iter().collect();
        gauge(encoder, "job_disk_limit_bytes", help, most)?;
        let help = "Bytes of dead letters that one job may have.";
        gauge(encoder, "job_dead_letter_limit_bytes", help, one(bytes(disk.dead_letter_bytes_max)))?;
        gauge(
            encoder,
            "disk_reserve_bytes",
            "Free bytes of the disk that jobs leave.",
            one(bytes(disk.reserve_bytes)),
        )?;
        let quarantined = self.jobs.iter().filter(|(_, job)| job.state == JobState::Quarantined).count() as i64;
        gauge(
            encoder,
            "jobs_quarantined",
            "Jobs in quarantine, which wait until somebody starts them.",
            one(quarantined),
        )?;
        let (GuestResources { instances, memory_bytes, threads }, most) = (self.taken, self.bounds.guest_resources_max);
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        for (name, help, value) in [
            (
                "guest_memory_reserved_bytes",
                "Memory that the guests of all jobs may have by their limits.",
                memory_bytes,
            ),
            ("guest_memory_limit_all_bytes", "Memory that the guests of all jobs may have.", most.memory_bytes),
            ("guest_instances_reserved", "Instances of operators that all jobs may have.", instances),
            ("guest_instances_limit", "Instances of operators that all jobs may have together.", most.instances),
            ("job_threads_reserved", "Threads of all jobs.", threads),
            ("job_threads_limit", "Threads that all jobs may have together.", most.threads),
            ("connections", "Connections of the API.", self.connections.open as u64),
            ("connections_limit", "Connections of the API at a time.", self.connections.most as u64),
            ("open_files_limit", "Descriptors that the process may have.", self.files.1),
        ] {
            gauge(encoder, name, help, one(signed(value)))?;
        }
        if let Some(open) = self.files.0 {
            gauge(encoder, "open_files", "Descriptors that the process has.", one(signed(open)))?;
        }
        let of_permits = |value: fn(&(&'static str, usize, usize)) -> usize| {
            self.permits.iter().map(|permit| (vec![("of", permit.0)], value(permit) as i64)).collect()
        };
        gauge(
            encoder,
            "permits_in_use",
            "Checks, uploads and compilers that are under way.",
            of_permits(|permit| permit.1),
        )?;
        gauge(encoder, "permits_limit", "Checks, uploads and compilers at a time.", of_permits(|permit| permit.2))?;
        let count = |value| vec![(Vec::new(), value)];
        let help = "Connections that were refused, since all others were being answered.";
        counter(encoder, "connections_refused", help, count(self.connections.refused))?;
        let help = "Idle connections that were closed to make room for others.";
        counter(encoder, "connections_closed", help, count(self.connections.closed))
    }

    fn of_jobs(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let each = |value: &dyn Fn(&Live, &JobSummary) -> Option<f64>| -> Vec<(Labels<'_>, f64)> {
            let of = |(live, job): &'_ (Live, JobSummary)| value(live, job);
            self.jobs.iter().filter_map(|job| Some((vec![("job", job.1.name.as_str())], of(job)?))).collect()
        };
        let seconds = |us: i64| us as f64 / 1e6;
        let up = each(&|_, job| Some(f64::from(is_up(job))));
        gauge(encoder, "job_up", "Whether the job runs.", up)?;
        let watermarks = each(&|_, job| job.watermark_us.map(seconds));
        gauge(encoder, "job_watermark_seconds", "The least watermark, since the epoch.", watermarks)?;
        let lags = each(&|_, job| job.lag_us.map(seconds));
        gauge(encoder, "job_watermark_lag_seconds", "How far the least watermark is behind the clock.", lags)?;
        let revisions = each(&|_, job| Some(job.revision as f64));
        gauge(encoder, "job_revision", "The revision that is to run.", revisions)?;
        let numbers = each(&|_, job| job.checkpoint.map(|number| number as f64));
        gauge(encoder, "checkpoint_number", "The last complete checkpoint.", numbers)?;
        let took = each(&|live, _| live.progress.checkpoints.last.map(|_| seconds(live.progress.checkpoints.took_us)));
        gauge(encoder, "checkpoint_duration_seconds", "How long the last complete checkpoint took.", took)?;
        let swaps = each(&|live, _| live.figures.swap.and_then(|swap| swap.took_us).map(seconds));
        gauge(
            encoder,
            "swap_duration_seconds",
            "Time from the request for the last swap until it ran on all subtasks.",
            swaps,
        )?;
        let pauses = each(&|live, _| live.figures.swap.map(|swap| seconds(swap.pause_max_us)));
        gauge(encoder, "swap_pause_seconds", "The longest time that a subtask stood still for the last swap.", pauses)?;
        let disk = each(&|live, job| is_up(job).then_some(live.disk.bytes as f64));
        gauge(encoder, "job_disk_bytes", "Checkpoints, dead letters and unfinished files of the job on disk.", disk)?;
        let letters = each(&|live, job| is_up(job).then_some(live.disk.dead_letter_bytes as f64));
        gauge(encoder, "job_dead_letter_bytes", "Dead letters of the job that are kept.", letters)?;
        let counts = |value: &dyn Fn(&Live) -> u64| -> Vec<(Labels<'_>, u64)> {
            self.jobs.iter().map(|(live, job)| (vec![("job", job.name.as_str())], value(live))).collect()
        };
        let dropped = counts(&|live| live.disk.dead_letters_dropped);
        let help = "Dead letters for which there was no room, and which the pipeline lets the job drop.";
        counter(encoder, "dead_letters_dropped", help, dropped)?;
        let complete = counts(&|live| live.progress.checkpoints.completed);
        counter(
            encoder,
            "checkpoints_completed",
            "Checkpoints that were completed since the job was started.",
            complete,
        )?;
        let failed = counts(&|live| live.progress.checkpoints.failed);
        counter(encoder, "checkpoints_failed", "Attempts at a checkpoint that failed.", failed)
    }

    fn of_nodes(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let values: [Metric<NodeFigures>; 6] = [
            ("rows_in", "Rows that came into the step; of a source: that it read.", |node| node.counts.rows_in),
            ("rows_out", "Rows that went out of the step, over all outputs.", |node| node.counts.rows_out),
            ("rows_late", "Rows that came after all their windows had closed.", |node| node.counts.rows_late),
            ("rows_failed", "Rows that could not be processed.", |node| node.counts.rows_failed),
            ("bytes_in", "Bytes of the columns that came into the step.", |node| node.bytes_in),
            ("bytes_out", "Bytes of the columns that went out of the step.", |node| node.bytes_out),
        ];
        for (name, help, value) in values {
            counter(encoder, name, help, self.nodes().map(|(labels, node)| (labels, value(node))).collect())?;
        }
        let late_by = self.nodes().map(|(labels, node)| (labels, node.counts.late_by_us as f64 / 1e6));
        let help = "How much longer the step's windows would have had to wait for all rows that came late.";
        gauge(encoder, "late_by_seconds", help, late_by.collect())?;
        let state = self.nodes().filter_map(|(labels, node)| Some((labels, node.state_bytes?.cast_signed())));
        gauge(encoder, "state_bytes", "Bytes of the step's state in the last complete checkpoint.", state.collect())?;
        let memory = self.nodes().filter(|(_, node)| node.memory_limit_bytes.is_some());
        let memory = memory.map(|(labels, node)| (labels, node.memory_bytes.cast_signed()));
        gauge(encoder, "state_memory_bytes", "Memory that the step's state takes.", memory.collect())?;
        let limits = self.nodes().filter_map(|(labels, node)| Some((labels, node.memory_limit_bytes?.cast_signed())));
        gauge(encoder, "state_memory_limit_bytes", "What the step's state may take.", limits.collect())
    }

    fn of_guests(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let values: [Metric<GuestFigures>; 3] = [
            ("guest_instances", "Instances of the step's components.", |guests| guests.instances),
            ("guest_memory_bytes", "Memory of the step's guests.", |guests| guests.memory_bytes),
            ("guest_memory_limit_bytes", "What the step's guests may have.", |guests| guests.memory_limit_bytes),
        ];
        for (name, help, value) in values {
            let values = self.guests().map(|(labels, guests)| (labels, value(guests).cast_signed()));
            gauge(encoder, name, help, values.collect())?;
        }
        let limits = self.guests().map(|(labels, guests)| (labels, guests.call_time_limit_us as f64 / 1e6));
        gauge(encoder, "guest_call_limit_seconds", "How long a call of the step's guests may take.", limits.collect())?;
        let help = "How long calls of the step's guests took.";
        let mut family = encoder.encode_descriptor("guest_call_seconds", help, None, MetricType::Histogram)?;
        for (labels, guests) in self.guests() {
            let bound = |up_to_us: Option<u64>| up_to_us.map_or(f64::INFINITY, |us| us as f64 / 1e6);
            let buckets: Vec<_> = guests.calls.iter().map(|bucket| (bound(bucket.up_to_us), bucket.calls)).collect();
            let (count, sum) = (guests.calls.iter().map(|bucket| bucket.calls).sum(), guests.call_time_us as f64 / 1e6);
            let labels = labels.as_slice();
            family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }

    fn of_subtasks(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let values: [Metric<SubtaskFigures>; 3] = [
            ("subtask_busy_seconds", "Time in which the subtask worked.", |subtask| subtask.busy_us),
            ("subtask_backpressured_seconds", "Time in which it waited for the subtasks after it.", |s| {
                s.backpressured_us
            }),
            ("subtask_idle_seconds", "Time in which it waited for rows.", |subtask| subtask.idle_us),
        ];
        for (name, help, value) in values {
            let values = self.subtasks().map(|(labels, subtask)| (labels, value(subtask) as f64 / 1e6));
            counter(encoder, name, help, values.collect())?;
        }
        let watermarks =
            self.subtasks().filter_map(|(labels, subtask)| Some((labels, subtask.watermark_us? as f64 / 1e6)));
        gauge(encoder, "subtask_watermark_seconds", "The subtask's watermark, since the epoch.", watermarks.collect())
    }

    /// Of jobs that run: what others have done is shown, and no longer monitored.
    fn nodes(&self) -> impl Iterator<Item = (Labels<'_>, &NodeFigures)> {
        self.jobs.iter().filter(|(live, _)| !live.figures.subtasks.is_empty()).flat_map(|(live, job)| {
            live.figures
                .nodes
                .iter()
                .map(|node| (vec![("job", job.name.as_str()), ("step", node.counts.name.as_str())], node))
        })
    }

    fn guests(&self) -> impl Iterator<Item = (Labels<'_>, &GuestFigures)> {
        self.nodes().filter_map(|(labels, node)| Some((labels, node.guests.as_ref()?)))
    }

    fn subtasks(&self) -> impl Iterator<Item = (Labels<'_>, &SubtaskFigures)> {
        self.jobs.iter().flat_map(|(live, job)| {
            live.figures
                .subtasks
                .iter()
                .map(|subtask| (vec![("job", job.name.as_str()), ("subtask", subtask.name.as_str())], subtask))
        })
    }
}

fn is_up(job: &JobSummary) -> bool {
    matches!(job.state, JobState::Running | JobState::Stopping)
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: Vec<(Labels<'_>, impl EncodeGaugeValue)>,
) -> Result<(), Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    values.iter().try_for_each(|(labels, value)| family.encode_family(&labels.as_slice())?.encode_gauge(value))
}

fn counter(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: Vec<(Labels<'_>, impl prometheus_client::encoding::EncodeCounterValue)>,
) -> Result<(), Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    values.iter().try_for_each(|(labels, value)| {
        family.encode_family(&labels.as_slice())?.encode_counter::<NoLabelSet, _, u64>(value, None)
    })
}
