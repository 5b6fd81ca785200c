//! A hook around every call of any implementation of the ports.
//!
//! The hook sees each call as a value. Before the call it decides what happens to it. After the effect it may look at the
//! world again. So one implementation serves tests that count calls, simulations that break them, and comparisons that
//! bill them.

use std::any::Any;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use jiff::Timestamp;

use super::call::Action;
pub use super::call::{Call, Name};
use super::refusal::Refusal;
use crate::ports::{Clock, Delivery, Jitter, PortError, Probe, RdsError};

/// What happens to a call.
#[derive(Debug)]
pub enum CallOutcome {
    /// It takes effect and is answered.
    Proceeds,
    /// It has no effect, and the hook answers it, in the answer's own type.
    Answered(Box<dyn Any>),
    /// It is refused and has no effect.
    Refused(Refusal),
    /// It takes effect, and its caller gets this instead of the answer.
    AnswerLost(Refusal),
    /// Its caller gets this, and it still takes effect at this later time.
    Late(Timestamp, Refusal),
    /// It is never answered, as if its caller had died before or after the effect.
    NeverAnswered {
        /// Whether it takes effect.
        after_effect: bool,
    },
    /// The code of the adapter panics.
    Panics,
}

/// The effect of a call, to be polled later. The fake is never pending.
pub type Effect = Pin<Box<dyn Future<Output = ()>>>;

/// What happens around each call.
pub trait Hook<W> {
    /// Decides, before the call, what happens to it. A hook that waits delays the call.
    #[allow(
        async_fn_in_trait,
        reason = "hooks are single-threaded, as the use cases are"
    )]
    async fn before(&self, world: &W, call: &Call) -> CallOutcome;

    /// Runs right before the effect, in one step with it.
    fn entering(&self, _world: &W, _call: &Call) {}

    /// Runs right after the effect, in one step with it, and sees the world's answer.
    fn after(&self, _world: &W, _call: &Call, _answer: &dyn Answer) {}

    /// Keeps the effect of a call that is late.
    fn put_off(&self, _until: Timestamp, _effect: Effect) {}

    /// A random number from 0 to 1 for the product. 1 unless the hook draws another.
    fn jitter(&self, _world: &W) -> f64 {
        1.0
    }
}

/// An implementation of the ports with a hook around each call.
#[derive(Debug)]
pub struct Through<W, H> {
    world: Rc<W>,
    hook: Rc<H>,
}

impl<W, H> Clone for Through<W, H> {
    /// The same world and the same hook.
    fn clone(&self) -> Self {
        Self {
            world: Rc::clone(&self.world),
            hook: Rc::clone(&self.hook),
        }
    }
}

impl<W, H> Through<W, H> {
    /// Puts a hook around a world.
    #[must_use]
    pub fn around(world: impl Into<Rc<W>>, hook: impl Into<Rc<H>>) -> Self {
        Self {
            world: world.into(),
            hook: hook.into(),
        }
    }

    /// The world inside.
    #[must_use]
    pub fn world(&self) -> &Rc<W> {
        &self.world
    }

    /// The hook.
    #[must_use]
    pub fn hook(&self) -> &Rc<H> {
        &self.hook
    }
}

/// The answer to a call. A hook that needs its exact type downcasts it.
pub trait Answer: Any + Debug {
    /// The answer to a call that was refused.
    fn refused(call: &Call, refusal: Refusal) -> Self
    where
        Self: Sized;
    /// Its error code. `None` if the call succeeded or was not answered.
    fn code(&self) -> Option<&str>;
}

impl<T: Any + Debug> Answer for Result<T, PortError> {
    fn refused(call: &Call, refusal: Refusal) -> Self {
        Err(refusal.of_port(call.action().as_str()))
    }

    fn code(&self) -> Option<&str> {
        self.as_ref().err()?.code.as_deref()
    }
}

impl<T: Any + Debug> Answer for Result<T, RdsError> {
    fn refused(call: &Call, refusal: Refusal) -> Self {
        let Action::Rds(operation, region) = call.action() else {
            panic!("{call:?} is answered like a call to RDS and is none")
        };
        Err(refusal.of_rds(operation, region))
    }

    fn code(&self) -> Option<&str> {
        self.as_ref().err()?.code.as_deref()
    }
}

impl Answer for Probe {
    fn refused(call: &Call, refusal: Refusal) -> Self {
        Self::Unknown(refusal.of_port(call.action().as_str()))
    }

    fn code(&self) -> Option<&str> {
        match self {
            Self::Unknown(error) => error.code.as_deref(),
            Self::Alive | Self::Dead | Self::Invalid => None,
        }
    }
}

impl Answer for Delivery {
    fn refused(call: &Call, refusal: Refusal) -> Self {
        Self::Unknown(refusal.of_port(call.action().as_str()))
    }

    fn code(&self) -> Option<&str> {
        match self {
            Self::Unknown(error) => error.code.as_deref(),
            Self::Accepted | Self::NobodyWaits | Self::Invalid => None,
        }
    }
}

impl<W: 'static, H: Hook<W> + 'static> Through<W, H> {
    /// Passes one call: the hook decides, and then the call takes effect or does not.
    pub(super) async fn pass<T: Answer>(
        &self,
        call: Rc<Call>,
        effect: impl Future<Output = T> + 'static,
    ) -> T {
        let outcome = self.hook.before(&self.world, &call).await;
        let effect = {
            let (world, hook, call) = (self.world.clone(), self.hook.clone(), call.clone());
            async move {
                hook.entering(&world, &call);
                let answer = effect.await;
                hook.after(&world, &call, &answer);
                answer
            }
        };
        match outcome {
            CallOutcome::Proceeds => effect.await,
            CallOutcome::Answered(answer) => match answer.downcast() {
                Ok(answer) => *answer,
                Err(_) => panic!("{call:?} is answered in another type than its own"),
            },
            CallOutcome::Refused(refusal) => T::refused(&call, refusal),
            CallOutcome::AnswerLost(refusal) => {
                effect.await;
                T::refused(&call, refusal)
            }
            CallOutcome::Late(until, refusal) => {
                let effect = async move {
                    effect.await;
                };
                self.hook.put_off(until, Box::pin(effect));
                T::refused(&call, refusal)
            }
            CallOutcome::NeverAnswered { after_effect } => {
                if after_effect {
                    effect.await;
                }
                std::future::pending().await
            }
            // Without the panic hook, which would write to the terminal.
            CallOutcome::Panics => std::panic::resume_unwind(Box::new("a planted panic")),
        }
    }
}

impl<W: Clock, H> Clock for Through<W, H> {
    fn now(&self) -> Timestamp {
        self.world.now()
    }
}

impl<W, H: Hook<W>> Jitter for Through<W, H> {
    fn jitter(&self) -> f64 {
        self.hook.jitter(&self.world)
    }
}
