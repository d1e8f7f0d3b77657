//! What operators do with handlers.

use std::sync::Arc;
use std::time::Duration;

use spica_handler::{
    ControlError, HandlerControl, HandlerStatus, LetterId, LetterPage, Pause, Replayed, State,
    Which,
};

use crate::Handlers;
use crate::post::{Crew, Post};
use crate::records::{Draft, Step, WriteError};
use crate::worker::replay::{Order, Tally};
use crate::worker::topic_of;

/// Longest name or reason of an operator, in characters.
const TEXT_CHARS: usize = 200;
/// How long a request waits for a commit, or for letters to be handled.
const PATIENCE: Duration = Duration::from_secs(10);
/// Letters that are deleted by one batch.
const BATCH: usize = 256;

type Found<'a> = (&'a Arc<Crew>, &'a Vec<Arc<Post>>);

impl Handlers {
    fn find(&self, name: &str) -> Result<Found<'_>, ControlError> {
        let found = self.crews.iter().find(|(crew, _)| crew.name == name);
        let found = found.map(|(crew, posts)| (crew, posts));
        found.ok_or_else(|| {
            let known: Vec<&str> = self
                .crews
                .iter()
                .map(|(crew, _)| crew.name.as_str())
                .collect();
            ControlError::Unknown {
                name: name.to_owned(),
                known: known.join(", "),
            }
        })
    }

    /// Writes records for an operator and waits until they are durable.
    fn write(&self, by: &str, drafts: &[Draft]) -> Result<(), ControlError> {
        if !self.base.is_serving() {
            return Err(ControlError::NotServing);
        }
        let limit = self.base.clock.monotonic() + PATIENCE;
        let patient = || self.base.clock.monotonic() < limit && !self.base.is_stopping();
        let written = self.base.scribe.write(by, drafts, patient);
        written.map_err(|error| match error {
            WriteError::NotServing => ControlError::NotServing,
            other => ControlError::Journal(other.to_string()),
        })
    }

    /// The letters that are meant.
    fn letters(&self, name: &str, which: Which) -> Result<Vec<LetterId>, ControlError> {
        let (crew, _) = self.find(name)?;
        match which {
            Which::All => Ok(crew.letters.ids()),
            Which::One(id) if crew.letters.get(id).is_some() => Ok(vec![id]),
            Which::One(id) => Err(ControlError::NoLetter {
                name: name.to_owned(),
                id,
            }),
        }
    }

    fn step(&self, name: &str, what: &'static str, by: &str, why: &str, ids: &[LetterId]) -> Draft {
        let letters = ids.iter().take(BATCH).map(LetterId::to_string).collect();
        let step = Step {
            what,
            by,
            why,
            letters,
        };
        self.base.scribe.step(name, &step)
    }
}

fn check(what: &'static str, text: &str) -> Result<(), ControlError> {
    let allowed = (1..=TEXT_CHARS).contains(&text.chars().count());
    if allowed {
        Ok(())
    } else {
        Err(ControlError::Text(what))
    }
}

impl HandlerControl for Handlers {
    fn handlers(&self) -> Vec<HandlerStatus> {
        let posts = self.crews.iter().flat_map(|(_, posts)| posts);
        posts.map(|post| post.status()).collect()
    }

    fn pause(&self, name: &str, by: &str, why: &str) -> Result<Pause, ControlError> {
        check("by", by)?;
        check("why", why)?;
        let (crew, posts) = self.find(name)?;
        if let Some(pause) = crew.letters.pause() {
            return Ok(pause);
        }
        let pause = Pause {
            by: by.to_owned(),
            why: why.to_owned(),
            at: self.base.clock.wall(),
        };
        let topic = format!("{}/paused", self.base.scribe.folder(name));
        let state = Draft::put(topic, pause.encode());
        self.write(by, &[state, self.step(name, "paused", by, why, &[])])?;
        crew.letters.set_pause(Some(pause.clone()));
        posts.iter().for_each(|post| post.wake());
        Ok(pause)
    }

    fn resume(&self, name: &str, by: &str, why: &str) -> Result<(), ControlError> {
        check("by", by)?;
        let (crew, posts) = self.find(name)?;
        if !crew.letters.is_paused() {
            return Ok(());
        }
        let topic = format!("{}/paused", self.base.scribe.folder(name));
        self.write(
            by,
            &[
                Draft::delete(topic),
                self.step(name, "resumed", by, why, &[]),
            ],
        )?;
        crew.letters.set_pause(None);
        posts.iter().for_each(|post| post.wake());
        Ok(())
    }

    fn dead_letters(
        &self,
        name: &str,
        after: Option<LetterId>,
        limit: usize,
    ) -> Result<LetterPage, ControlError> {
        let (crew, posts) = self.find(name)?;
        let mut page = crew.letters.page(after, limit);
        // Their payloads are not kept in memory.
        for letter in &mut page.letters {
            let post = posts.iter().find(|post| post.lane == letter.id().lane);
            if let Some(record) = post.and_then(|post| post.record_of(letter))
                && record.payload.len() <= spica_handler::PAYLOAD_BYTES_MAX
            {
                letter.record.payload = record.payload;
            }
        }
        Ok(page)
    }

    fn replay(&self, name: &str, which: Which, by: &str) -> Result<Replayed, ControlError> {
        check("by", by)?;
        let (_, posts) = self.find(name)?;
        let ids = self.letters(name, which)?;
        if ids.is_empty() {
            return Ok(Replayed::default());
        }
        let at_rest = |post: &Arc<Post>| post.rest();
        if let Some(state) = posts.iter().find_map(at_rest) {
            return Err(match state {
                State::Standby => ControlError::NotServing,
                other => ControlError::Idle {
                    name: name.to_owned(),
                    state: other.as_str(),
                },
            });
        }
        self.write(by, &[self.step(name, "replayed", by, "", &ids)])?;
        let tally = Tally::new(ids.len());
        for id in ids {
            let order = Order {
                id,
                by: by.to_owned(),
                tally: Arc::clone(&tally),
            };
            if let Some(post) = posts.iter().find(|post| post.lane == id.lane) {
                post.inner
                    .lock()
                    .order(order, self.base.settings.dead_letters_max);
            }
        }
        posts.iter().for_each(|post| post.wake());
        self.nudge();
        Ok(tally.wait(PATIENCE))
    }

    fn drop_dead(
        &self,
        name: &str,
        which: Which,
        by: &str,
        why: &str,
    ) -> Result<usize, ControlError> {
        check("by", by)?;
        check("why", why)?;
        let (crew, posts) = self.find(name)?;
        let ids = self.letters(name, which)?;
        for some in ids.chunks(BATCH) {
            let topic = |id: &LetterId| {
                let post = posts.iter().find(|post| post.lane == id.lane)?;
                Some(Draft::delete(topic_of(post, *id)))
            };
            let mut drafts: Vec<Draft> = some.iter().filter_map(topic).collect();
            drafts.push(self.step(name, "dropped", by, why, some));
            self.write(by, &drafts)?;
            some.iter().for_each(|id| crew.letters.remove(*id));
        }
        posts.iter().for_each(|post| post.wake());
        Ok(ids.len())
    }
}
