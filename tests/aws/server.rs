//! A small HTTP server on loopback, for the processes: it plays AWS's services and Lambda's runtime API.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::wire::Asked;

/// How long a process under test may take for one answer before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) enum Answer {
    /// A status and a body.
    Http(u16, String),
    /// None, for as long as the process lives.
    Never,
}

pub(crate) fn ok(body: impl Into<String>) -> Answer {
    Answer::Http(200, body.into())
}

type Handler = dyn Fn(&Asked) -> Answer + Send + Sync;

pub(crate) struct Server {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    arrivals: Receiver<Asked>,
}

impl Server {
    /// Answers every request by the handler.
    pub(crate) fn start(handler: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (arrive, arrivals) = channel();
        let handler: Arc<Handler> = Arc::new(handler);
        let log = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (handler, log, arrive) = (handler.clone(), log.clone(), arrive.clone());
                std::thread::spawn(move || serve(stream, &handler, &log, &arrive));
            }
        });
        Self {
            address,
            asked,
            arrivals,
        }
    }

    /// Waits for a request that is the one.
    pub(crate) fn wait_for(&self, is_it: impl Fn(&Asked) -> bool) -> Asked {
        loop {
            let asked = self
                .arrivals
                .recv_timeout(PATIENCE)
                .expect("the process asks for what it is waited for");
            if is_it(&asked) {
                return asked;
            }
        }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The address of one service: each has its own path, so that it shows which variable was heeded.
    pub(crate) fn endpoint(&self, service: &str) -> String {
        format!("http://{}/{service}", self.address)
    }
}

fn serve(
    stream: TcpStream,
    handler: &Arc<Handler>,
    log: &Mutex<Vec<Asked>>,
    arrive: &Sender<Asked>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(asked) = read(&mut reader) {
        log.lock().unwrap().push(asked.clone());
        let answer = handler(&asked);
        // Nobody may be waiting any more.
        let _ = arrive.send(asked);
        match answer {
            Answer::Http(status, body) => {
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\ncontent-type: text/plain\r\n\
                     Lambda-Runtime-Aws-Request-Id: invocation-1\r\nLambda-Runtime-Deadline-Ms: 32503680000000\r\n\
                     Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-central-1:111122223333:function:f\r\n\r\n",
                    body.len()
                );
                if writer.write_all((head + &body).as_bytes()).is_err() {
                    return;
                }
            }
            Answer::Never => loop {
                std::thread::park();
            },
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let uri = line.split(' ').nth(1)?.to_owned();
    let mut headers = std::collections::BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => {
                headers.insert(name.to_lowercase(), value.trim().to_owned());
            }
            None => break,
        }
    }
    let length = headers
        .get("content-length")
        .map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked {
        uri,
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}
