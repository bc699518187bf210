// Hands what the sign-in answered to the window of the reference that opened this one.
"use strict";

function handOver(answer) {
  const waiting = window.opener && window.opener.swaggerUIRedirectOauth2;

  if (!waiting)
    return;
  const auth = { ...waiting.auth, code: answer.get("code") };
  if (answer.get("state") !== waiting.state) {
    waiting.errCb({
      authId: auth.name, source: "auth", level: "error",
      message: "What came back belongs to another sign-in. Begin again."
    });
  } else if (answer.get("code")) {
    delete waiting.state;
    waiting.callback({ auth, redirectUrl: waiting.redirectUrl });
  } else {
    waiting.errCb({
      authId: auth.name, source: "auth", level: "error",
      message: answer.get("error_description") || answer.get("error") || "Nothing came back."
    });
  }
  window.close();
}

handOver(new URLSearchParams(location.search));
