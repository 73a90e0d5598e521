//! One run, from the plan to the report: wiring only.
//!
//! Connects on this thread, starts lanes and publisher, logs once a second, turns signals into the
//! stop, waits for the last receipts, and measures what the report says.

use std::io;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::Receiver;

use crate::batch::BatchLimits;
use crate::batch::FrameSealer;
use crate::batch::FrameSealerParts;
use crate::batch::RecordSealer;
use crate::batch::Sealer;
use crate::clock;
use crate::clock::Moment;
use crate::connection::Taken;
use crate::connection::Target;
use crate::console::Screen;
use crate::cpu;
use crate::cpu::Cgroup;
use crate::cpu::ThreadTime;
use crate::generator;
use crate::generator::LaneParts;
use crate::generator::Resumption;
use crate::handover;
use crate::handover::LaneEnd;
use crate::memory;
use crate::metrics;
use crate::metrics::Board;
use crate::pacer::Pacer;
use crate::plan::Batching;
use crate::plan::Plan;
use crate::plan::Resume;
use crate::plan::Surroundings;
use crate::program::Program;
use crate::publisher::Cancel;
use crate::publisher::Publisher;
use crate::publisher::Serving;
use crate::report::Abandoned;
use crate::report::HistogramFile;
use crate::report::HistogramLog;
use crate::report::Measured;
use crate::report::ProducerEnd;
use crate::report::Report;
use crate::report::Series;
use crate::routing::Routing;
use crate::schema::EventSchema;
use crate::stats::Measuring;
use crate::stats::Stats;
use crate::stop;
use crate::stop::Stop;
use crate::stop::StopHandle;
use crate::units::duration_text;
use crate::units::grouped;
use crate::wire;

mod abandoning;
mod destination;
mod error;
mod place;
mod room;
mod sample;
mod seconds;
mod shown;
mod telling;
mod threads;
mod watch;

pub use error::RunError;

use abandoning::Abandoning;
use destination::Destination;
use sample::Sample;
use seconds::Seconds;
use threads::StopOnDrop;
use threads::joined;
use threads::pin;
use watch::Ends;
use watch::Watch;

/// From "everything is ready" to the first due time: lanes calibrate their sleep meanwhile.
const LEAD_NS: u64 = 20_000_000;

/// What a run listens to from outside, and who watches it there.
#[derive(Clone)]
pub struct Outside {
    /// A message for each signal.
    pub signals: Receiver<()>,
    /// Cancelled at the first signal: ends an attempt to connect.
    pub interrupt: Cancel,
    /// Where the running second is drawn; `None`: it is logged.
    pub screen: Option<Screen>,
    /// When the run has to be over at the latest, whatever is on its way; `None`: when it is.
    pub until: Option<Moment>,
}

/// Compiles the plan's schema and tries it out.
///
/// # Errors
/// When no records can be made of it, or none that could be sent.
pub fn prepare(plan: &Plan) -> Result<(EventSchema, Program), RunError> {
    let schema = EventSchema::parse(&plan.events.name, &plan.events.schema_text)?.of_records()?;
    let program = Program::prepare(&schema, &plan.parameters(), clock::wall_ms())?;
    let bytes = program.key_bytes_max();
    if !plan.batching.is_enabled && bytes > wire::SINGLE_KEY_BYTES_MAX {
        return Err(RunError::KeyTooLong { bytes });
    }
    Ok((schema, program))
}

/// Runs the plan to its end and reports; `histograms` is where both latencies are logged to.
///
/// # Errors
/// When the run cannot begin. Once it has begun there is a report, whatever happens.
pub fn run(
    plan: Plan,
    here: Surroundings,
    outside: &Outside,
    histograms: Option<&mut HistogramFile>,
) -> Result<Report, RunError> {
    let board = Arc::new(Board::new());
    // Served while the run connects, too.
    let serving = plan.metrics_address.map(|address| metrics::serve(address, Arc::clone(&board)));
    let _server = serving.transpose()?;
    let (schema, program) = prepare(&plan)?;
    let destination = Destination::open(&plan)?;
    let target = Target::of(&plan, &schema, destination.service_url().clone());
    let observe = &mut |taken: Taken| {
        log::debug!("{}: {}", taken.step.what(), taken.detail);
    };
    let publisher = Publisher::connect(&plan, target, &outside.interrupt, observe)?;
    let resumption = match plan.resume {
        None => Resumption::default(),
        Some(resume) => resumption(&plan, &publisher, resume)?,
    };
    let cpus = here.cpus.available();
    let run = Run::new(&plan, &program, publisher.partitions(), &resumption, cpus, &board);
    let cgroup = Cgroup::of_this_process();
    let before = Sample::now(&run.stats, &cgroup);
    let started_wall_ms = run.start_wall_ms + run.resumed_ns / 1_000_000;
    let histograms = histograms.map(|file| file.begin(started_wall_ms)).transpose()?;
    board.begin(shown::of(&run, &cgroup));
    let ended = run.drive(publisher, outside, &cgroup, before, histograms)?;
    let service_url = destination.service_url().to_string();
    destination.close();
    Ok(Report::new(Measured {
        service_url,
        host: here.host,
        kernel: kernel(),
        cpu_model: cpu::model(),
        cpus: here.cpus,
        started_wall_ms,
        resumed_from: plan.resume.map(|_| resumption.first()),
        resumed_ns: run.resumed_ns,
        schedule_ns: ended.schedule_ns,
        stopped_by_signal: ended.stopped_by_signal,
        abandoned: ended.abandoned,
        counted: run.stats.counts(),
        latency: std::mem::take(&mut run.stats.latency_total.lock()),
        series: ended.series,
        spent: Sample::at_the_end(&run.stats, &cgroup).since(ended.measured_from),
        histogram_log_failure: ended.histogram_log_failure,
        clock_step_ms: run.clock_step_ms(),
        rss_bytes_max: memory::rss_bytes_max(),
        failure: ended.failure,
        producers: ProducerEnd::all(&plan, &run.routing, &run.stats.ends),
        plan,
    }))
}

/// Finds out where an earlier run stopped.
fn resumption(plan: &Plan, publisher: &Publisher, resume: Resume) -> Result<Resumption, RunError> {
    let last: Vec<_> = publisher.heads().iter().map(|head| head.last_sequence_id).collect();
    let routing = plan.routing(publisher.partitions());
    let may_start = resume == Resume::OrStart;
    let resumption = Resumption::new(&routing, plan.streams, &last, may_start)?;
    let first = resumption.first();
    let into = duration_text(plan.load.schedule().due_ns(first));
    log::info!("going on with record {}, {into} into the run", grouped(first));
    Ok(resumption)
}

fn kernel() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// Everything that the threads of a run share.
struct Run<'a> {
    plan: &'a Plan,
    program: &'a Program,
    /// CPUs that are ours.
    cpus: f64,
    /// Where the run shows itself.
    board: &'a Board,
    routing: Routing,
    resumption: &'a Resumption,
    /// How far into the whole run it goes on, in nanoseconds.
    resumed_ns: u64,
    /// How a lane gathers records, now that the partitions are known.
    batching: Batching,
    buffers: usize,
    stats: Arc<Stats>,
    /// When the whole run starts; for one that goes on that is over.
    start: Moment,
    start_wall_ms: u64,
    stop_handle: StopHandle,
    stop: Stop,
}

impl<'a> Run<'a> {
    fn new(
        plan: &'a Plan,
        program: &'a Program,
        partitions: &[u32],
        resumption: &'a Resumption,
        cpus: f64,
        board: &'a Board,
    ) -> Self {
        let schedule = plan.load.schedule();
        // At maximum rate the last stage begins anew.
        let resumed_ns = schedule.due_ns(resumption.first()).min(schedule.paced_until_ns());
        let (stop_handle, stop) = stop::stop();
        let routing = plan.routing(partitions);
        let (batching, buffers) = plan.batching.of_lane(plan.open_batches(&routing));
        let producers = 0..routing.routes().map(|route| route.partitions).sum();
        // What an earlier run has sent has to be there as well.
        let stats = Stats::new(plan.lanes).with_producers(producers.map(|it| resumption.end(it)));
        Self {
            plan,
            program,
            cpus,
            board,
            routing,
            batching,
            buffers,
            stats: Arc::new(stats),
            resumption,
            resumed_ns,
            start: clock::now().plus_ns(LEAD_NS).minus_ns(resumed_ns),
            start_wall_ms: clock::wall_ms() + LEAD_NS / 1_000_000 - resumed_ns / 1_000_000,
            stop_handle,
            stop,
        }
    }

    /// Starts every thread, watches them to their end, and joins them.
    fn drive(
        &self,
        publisher: Publisher,
        outside: &Outside,
        cgroup: &Cgroup,
        before: Sample,
        histograms: Option<HistogramLog<'_>>,
    ) -> Result<Ended, RunError> {
        let limits = self.limits(&publisher);
        let sealing = self.sealing(&publisher);
        let (lane_ends, publisher_end) =
            handover::hand_over(self.plan.lanes, self.buffers(&limits), limits);
        let (ends, lane_tokens, publisher_token) = Ends::new(self.plan.lanes);
        let cancel = Cancel::new();
        thread::scope(|scope| {
            // Should a thread not start, those that did must end.
            let _stop_at_the_end = StopOnDrop(&self.stop_handle);
            let serving = Serving {
                stats: Arc::clone(&self.stats),
                start: self.start,
                measuring: self.measuring(),
                stop: &self.stop_handle,
            };
            let cancel = &cancel;
            let publishing = thread::Builder::new().name("publisher".to_owned());
            let publishing = publishing.spawn_scoped(scope, move || {
                let _token = publisher_token;
                self.stopping_if_it_fails(|| publisher.serve(publisher_end, serving, cancel))
            })?;
            let mut lanes = Vec::new();
            for ((lane, end), token) in (0..).zip(lane_ends).zip(lane_tokens) {
                let sealing = sealing.clone();
                let name = format!("lane-{lane}");
                lanes.push(thread::Builder::new().name(name).spawn_scoped(scope, move || {
                    let _token = token;
                    self.stopping_if_it_fails(|| self.lane(lane, end, sealing, &limits))
                })?);
            }
            let begun = self.start.plus_ns(self.resumed_ns);
            let seconds = Seconds::new(&self.stats, cgroup, before, begun, histograms);
            let watched =
                Watch::new(self.plan, self.start, outside, &ends, seconds, self.cpus, self.board)
                    .from(self.resumed_ns)
                    .until_the_end(&self.stop_handle, cancel);
            self.stop_handle.set();
            let mut failures: Vec<String> = lanes.into_iter().filter_map(joined).collect();
            failures.extend(joined(publishing));
            let is_stopped = watched.stopped_by_signal || watched.abandoned.is_some();
            let ended_early = is_stopped || !failures.is_empty();
            let planned_ns = self.plan.load.duration_ns.filter(|_| !ended_early);
            Ok(Ended {
                schedule_ns: planned_ns.unwrap_or(watched.lanes_ended_ns),
                stopped_by_signal: watched.stopped_by_signal,
                abandoned: watched.abandoned,
                failure: failures.into_iter().next(),
                measured_from: watched.warmup.unwrap_or(before),
                series: watched.series,
                histogram_log_failure: watched.histograms_failure,
            })
        })
    }

    /// Does the work of one thread; when it fails or panics, the others are stopped, because a run
    /// with a hole in it is a failed run.
    fn stopping_if_it_fails<E: ToString>(
        &self,
        work: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let guard = StopOnDrop(&self.stop_handle);
        let ended = work();
        match &ended {
            Ok(()) => std::mem::forget(guard),
            Err(error) => log::error!("{}", error.to_string()),
        }
        ended
    }

    /// Returns how much more the wall clock went on than the monotonic one since the start.
    fn clock_step_ms(&self) -> i64 {
        let elapsed_ms = clock::now().ns_since(self.start) / 1_000_000;
        clock::wall_ms().cast_signed() - (self.start_wall_ms + elapsed_ms).cast_signed()
    }

    /// Returns which records are measured.
    fn measuring(&self) -> Measuring {
        let load = &self.plan.load;
        Measuring { from_ns: load.warmup_ns, paced_until_ns: load.schedule().paced_until_ns() }
    }

    /// Runs one lane on the calling thread, with what the transport lays records out with.
    fn lane(
        &self,
        lane: u32,
        end: LaneEnd,
        sealing: Option<FrameSealerParts>,
        limits: &BatchLimits,
    ) -> io::Result<()> {
        match sealing {
            Some(parts) => self.lane_with(lane, end, FrameSealer::new(parts, limits)?),
            None => self.lane_with(lane, end, RecordSealer),
        }
        let counters = &self.stats.lanes[lane as usize];
        counters.cpu_ns.add(clock::thread_cpu_ns());
        counters.delay_ns.add(ThreadTime::of_this_thread().unwrap_or_default().delay_ns);
        counters.rests_until_ns.set(u64::MAX);
        Ok(())
    }

    fn lane_with(&self, lane: u32, end: LaneEnd, sealer: impl Sealer) {
        if let Some(&cpu) = self.plan.lane_cpus.get(lane as usize) {
            pin(lane, cpu);
        }
        let plan = self.plan;
        let streams: Vec<u32> = plan.streams_of(lane).collect();
        generator::run_lane(LaneParts {
            streams_total: plan.streams,
            window_ns: plan.batching.window_ns,
            max_lag_ns: plan.max_lag_ns,
            schedule: plan.load.schedule(),
            measuring: self.measuring(),
            start: self.start,
            start_wall_ms: self.start_wall_ms,
            resumption: self.resumption,
            routing: &self.routing,
            program: self.program,
            sealer,
            end,
            pacer: Pacer::calibrate(
                self.stop.clone(),
                plan.departures_per_second(self.routing.producers_of(&streams)),
                plan.may_spin,
            ),
            stop: self.stop.clone(),
            lane: lane as usize,
            stats: &self.stats,
            streams,
        });
    }
}

/// How the threads of a run ended.
struct Ended {
    schedule_ns: u64,
    stopped_by_signal: bool,
    abandoned: Option<Abandoned>,
    failure: Option<String>,
    /// What had been used when the warm-up ended, or before the run.
    measured_from: Sample,
    series: Series,
    histogram_log_failure: Option<String>,
}
