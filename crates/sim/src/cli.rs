//! The command line.
#![expect(
    clippy::print_stdout,
    reason = "what a tool of the command line has to say goes to its output"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::{Parser, Subcommand};
use serde_json::json;
use spica_clock::{Clock as _, SystemClock};
use spica_sim::{Fault, Plant, Profile, Report, Run, Scenario, shrink};

/// Simulates a pair and its surroundings, with faults, from seeds.
#[derive(Debug, Parser)]
#[command(name = "spica-sim", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs many seeds and stops at the first that breaks an invariant.
    Run(Many),
    /// Says everything that happens in one run.
    Show {
        /// The seed.
        seed: u64,
        /// What may go wrong.
        #[arg(long, default_value = "witness")]
        profile: Profile,
        /// A bug to plant.
        #[arg(long)]
        plant: Option<Plant>,
        /// With as few faults as still break the invariant.
        #[arg(long)]
        shrunk: bool,
    },
    /// Plays a scenario.
    Scenario {
        /// The file.
        file: PathBuf,
        /// Says everything that happens.
        #[arg(long)]
        trace: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Many {
    /// From the first seed on, up to the one before the second.
    #[arg(long, default_value = "0..10000", value_parser = seeds)]
    seeds: (u64, u64),
    /// What may go wrong; all profiles one after the other if not given.
    #[arg(long)]
    profile: Option<Profile>,
    /// How many runs at a time.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=256))]
    jobs: u64,
    /// Goes on with later seeds for so long: 30s, 10m, 2h.
    #[arg(long = "for", value_parser = time)]
    lasts: Option<Duration>,
    /// A bug to plant.
    #[arg(long)]
    plant: Option<Plant>,
    /// One line of JSON for each profile.
    #[arg(long)]
    json: bool,
}

fn seeds(text: &str) -> Result<(u64, u64), String> {
    let (from, to) = text
        .split_once("..")
        .ok_or("two numbers with .. between them")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    let (from, to) = (number(from)?, number(to)?);
    if from < to {
        Ok((from, to))
    } else {
        Err("no seed is between them".to_owned())
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let seconds = |number: &str, unit: u64| {
        let number: u64 = number
            .parse()
            .map_err(|_| format!("{number:?} is no number"))?;
        Ok(Duration::from_secs(number.saturating_mul(unit)))
    };
    match text.split_at_checked(text.len().saturating_sub(1)) {
        Some((number, "s")) => seconds(number, 1),
        Some((number, "m")) => seconds(number, 60),
        Some((number, "h")) => seconds(number, 3_600),
        _ => Err("a number with s, m or h behind it".to_owned()),
    }
}

/// What many runs came to.
#[derive(Debug, Default)]
struct Sum {
    runs: AtomicU64,
    events: AtomicU64,
    acknowledged: AtomicU64,
    reigns: AtomicU64,
    set_aside: AtomicU64,
    simulated_ms: AtomicU64,
}

impl Sum {
    fn add(&self, report: &Report) {
        let more = |to: &AtomicU64, number: u64| to.fetch_add(number, Ordering::Relaxed);
        more(&self.runs, 1);
        more(&self.events, report.events);
        more(&self.acknowledged, report.acknowledged as u64);
        more(&self.reigns, report.reigns as u64);
        more(&self.set_aside, report.set_aside as u64);
        more(&self.simulated_ms, report.lasted / 1_000);
    }
}

impl Cli {
    /// Does what was asked for.
    pub(crate) fn run(self) -> ExitCode {
        match self.command {
            Command::Run(many) => many.run(),
            Command::Show {
                seed,
                profile,
                plant,
                shrunk,
            } => show(
                Run {
                    seed,
                    profile,
                    plant,
                },
                shrunk,
            ),
            Command::Scenario { file, trace } => play(&file, trace),
        }
    }
}

impl Many {
    fn run(&self) -> ExitCode {
        let profiles = self.profile.map_or(Profile::ALL.to_vec(), |one| vec![one]);
        let share = self.lasts.map(|lasts| lasts / profiles.len() as u32);
        for profile in profiles {
            if let Some(failed) = self.profile(profile, share) {
                self.failed(&failed);
                return ExitCode::FAILURE;
            }
        }
        ExitCode::SUCCESS
    }

    /// Runs the seeds of a profile; gives the first that fails.
    fn profile(&self, profile: Profile, lasts: Option<Duration>) -> Option<Run> {
        let started = SystemClock.monotonic();
        let (from, to) = self.seeds;
        let (next, failed) = (AtomicU64::new(from), AtomicU64::new(u64::MAX));
        let sum = Sum::default();
        let goes_on = |seed: u64| match lasts {
            Some(lasts) => SystemClock.monotonic().duration_since(started) < lasts,
            None => seed < to,
        };
        std::thread::scope(|scope| {
            for _ in 0..self.jobs {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if !goes_on(seed) || failed.load(Ordering::Relaxed) < u64::MAX {
                            break;
                        }
                        let report = self.one(seed, profile).run();
                        sum.add(&report);
                        if report.broken.is_some() {
                            failed.fetch_min(seed, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        let took = SystemClock.monotonic().duration_since(started);
        let failed = failed.into_inner();
        self.report(&profile, &sum, took, (failed < u64::MAX).then_some(failed));
        (failed < u64::MAX).then(|| self.one(failed, profile))
    }

    const fn one(&self, seed: u64, profile: Profile) -> Run {
        Run {
            seed,
            profile,
            plant: self.plant,
        }
    }

    fn report(&self, profile: &Profile, sum: &Sum, took: Duration, failed: Option<u64>) {
        let number = |of: &AtomicU64| of.load(Ordering::Relaxed);
        let runs = number(&sum.runs);
        let rate = (runs as f64 / took.as_secs_f64().max(0.001)).round();
        if self.json {
            let line = json!({
                "profile": profile.name,
                "runs": runs,
                "runs_per_s": rate,
                "events": number(&sum.events),
                "acknowledged": number(&sum.acknowledged),
                "reigns": number(&sum.reigns),
                "put_aside": number(&sum.set_aside),
                "simulated_s": number(&sum.simulated_ms) / 1_000,
                "seconds": took.as_secs_f64(),
                "failed_seed": failed,
            });
            println!("{line}");
            return;
        }
        println!(
            "{:8} {runs} runs in {:.1} s, {rate}/s; {} s simulated, {} events, {} acknowledged, {} reigns, {} put aside: {}",
            profile.name,
            took.as_secs_f64(),
            number(&sum.simulated_ms) / 1_000,
            number(&sum.events),
            number(&sum.acknowledged),
            number(&sum.reigns),
            number(&sum.set_aside),
            failed.map_or("all hold".to_owned(), |seed| format!("seed {seed} FAILED")),
        );
    }

    fn failed(&self, run: &Run) {
        let Some((faults, report)) = shrink(run) else {
            return;
        };
        if !self.json {
            say(run, &faults, &report);
        }
    }
}

fn say(run: &Run, faults: &[Fault], report: &Report) {
    let Run { seed, profile, .. } = run;
    if let Some(broken) = &report.broken {
        let (at, name) = (broken.at / 1_000, profile.name);
        println!(
            "seed {seed}, profile {name}, this build: {} at {at} ms",
            broken.invariant
        );
        println!("  {}", broken.what);
    }
    let planned = run.faults().len();
    println!("{} of {planned} faults are needed:", faults.len());
    for fault in faults {
        println!("  {fault}");
    }
    let plant = run.plant.map(|plant| format!(" --plant {plant}"));
    println!(
        "again, with everything that happens: spica-sim show {seed} --profile {}{} --shrunk",
        profile.name,
        plant.unwrap_or_default()
    );
}

fn show(run: Run, shrunk: bool) -> ExitCode {
    let fewer = if shrunk { shrink(&run) } else { None };
    let faults = fewer.map_or_else(|| run.faults(), |(faults, _)| faults);
    let (report, trace) = run.told(faults.clone());
    print!("{trace}");
    match &report.broken {
        None => {
            println!("all invariants hold: {report:?}");
            ExitCode::SUCCESS
        }
        Some(_) => {
            say(&run, &faults, &report);
            ExitCode::FAILURE
        }
    }
}

fn play(file: &PathBuf, trace: bool) -> ExitCode {
    let played = std::fs::read_to_string(file)
        .map_err(anyhow::Error::from)
        .and_then(|text| Ok(text.parse::<Scenario>()?))
        .map(|scenario| scenario.play());
    let (text, failed) = match played {
        Err(error) => {
            println!("{}: {error}", file.display());
            return ExitCode::FAILURE;
        }
        Ok(Ok(text)) => (text, None),
        Ok(Err(failed)) => (failed.trace.clone(), Some(failed)),
    };
    if trace {
        print!("{text}");
    }
    match failed {
        None => println!("{}: as it should", file.display()),
        Some(failed) => {
            println!("{}: {failed}", file.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
