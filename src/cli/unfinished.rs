//! What a command says if it ends before its work: a person interrupted it, or a call failed.

/// Says it on the error output when it is dropped, unless the work is over.
pub(super) struct Unfinished {
    says: &'static str,
    is_over: bool,
}

impl Unfinished {
    pub(super) fn saying(says: &'static str) -> Self {
        Self {
            says,
            is_over: false,
        }
    }

    pub(super) fn finish(mut self) {
        self.is_over = true;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_over {
            eprintln!("{}", self.says);
        }
    }
}
