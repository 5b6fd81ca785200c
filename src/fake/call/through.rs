//! Implements every port for [`Through`]: a call becomes a value, and the hook decides what happens to it.

use std::rc::Rc;

// The rows name the ports and their types by the parent's imports.
use super::*;
use crate::fake::through::{Hook, Through};

// How an argument is handed over: `by` reference, `maybe` a reference, or as a `copy`.
macro_rules! lent {
    (by $type:ty) => { &$type };
    (maybe $type:ty) => { Option<&$type> };
    (copy $type:ty) => { $type };
}
macro_rules! keep {
    (by $arg:ident) => {
        $arg.to_owned()
    };
    (maybe $arg:ident) => {
        $arg.cloned()
    };
    (copy $arg:ident) => {
        $arg
    };
}
macro_rules! lend {
    (by $arg:ident) => {
        $arg
    };
    (maybe $arg:ident) => {
        $arg.as_ref()
    };
    (copy $arg:ident) => {
        $arg.clone()
    };
}

macro_rules! implement {
    ($(
        $port:path {
            $(
                $kind:ident $name:ident: $method:ident($($mode:ident $arg:ident: $type:ty),*) -> $answer:ty, $action:expr;
            )+
        }
    )+) => {
        $(
            impl<W: $port + 'static, H: Hook<W> + 'static> $port for Through<W, H> {
                $(
                    async fn $method(&self, $($arg: lent!($mode $type)),*) -> $answer {
                        let call = Rc::new(Call::$name { $($arg: keep!($mode $arg)),* });
                        let (world, kept) = (Rc::clone(self.world()), Rc::clone(&call));
                        let effect = async move {
                            let Call::$name { $($arg),* } = &*kept else {
                                unreachable!("the call was made two lines above")
                            };
                            world.$method($(lend!($mode $arg)),*).await
                        };
                        self.pass(call, effect).await
                    }
                )+
            }
        )+
    };
}

every_call!(implement);
