//! Opens connections before they are needed.

use aws_config::retry::RetryConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_types::service_config::ServiceConfigKey;
use tracing::info;

use super::clients::Aws;
use crate::domain::id::arn::Region;

/// A service whose connection can be opened in advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// RDS in the recovery region.
    Rds,
    /// Step Functions.
    StepFunctions,
}

impl Service {
    /// The service's name in the SDK's settings.
    fn id(self) -> &'static str {
        match self {
            Self::Rds => "RDS",
            Self::StepFunctions => "SFN",
        }
    }
}

impl<Extra> Aws<Extra> {
    /// Opens a connection to this service, so that the first event finds it open.
    ///
    /// It sends `GET /`, which is no action: it uses no quota, needs no permission and does nothing. Each service answers
    /// with a greeting or a refusal, and either is fine. A failure is ignored, because the first call reports it better.
    pub async fn warm(&self, home: &Region, service: Service) {
        if self.is_over_tls(service) {
            self.greet(home, service).await;
        }
    }

    /// An emulator on this machine has no handshake and no distance, so it needs no warming.
    fn is_over_tls(&self, service: Service) -> bool {
        let key = ServiceConfigKey::builder()
            .service_id(service.id())
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        let own = key.ok().and_then(|key| {
            let settings = self.sdk.service_config()?;
            settings.load_config(key)
        });
        own.is_none_or(|url| url.starts_with("https:"))
    }

    async fn greet(&self, home: &Region, service: Service) {
        let once = RetryConfig::disabled();
        // Any operation will do: only the way to its endpoint is used.
        let answered = match service {
            Service::Rds => {
                let config = aws_sdk_rds::config::Builder::new().retry_config(once);
                let call = self.rds(home).describe_account_attributes().customize();
                let call = call.config_override(config).mutate_request(greeting);
                call.send().await.is_ok()
            }
            Service::StepFunctions => {
                let config = aws_sdk_sfn::config::Builder::new().retry_config(once);
                let call = self.step_functions().list_activities().customize();
                let call = call.config_override(config).mutate_request(greeting);
                call.send().await.is_ok()
            }
        };
        info!(service = service.id(), answered, "warmed");
    }
}

/// Removes everything from a request that would make it an action.
fn greeting(request: &mut HttpRequest) {
    // GET is a valid method, so this cannot fail.
    let _ = request.set_method("GET");
    *request.body_mut() = SdkBody::empty();
    for header in ["content-type", "content-length", "x-amz-target"] {
        request.headers_mut().remove(header);
    }
}
