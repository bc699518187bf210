// The reference: Swagger UI on this server's own contract, with what it lacks for keyboards and for
// people who cannot see put right.
"use strict";

// The parts of the viewer that are used: not its own title, servers and description of the contract.
function Layout({ specSelectors, getComponent }) {
  const h = this.React.createElement;
  const part = (name) => h(getComponent(name, true), { key: name });

  if (specSelectors.loadingStatus() !== "success")
    return h("p", { role: "status" },
      specSelectors.loadingStatus() === "failed" ? "The contract could not be loaded." : "Loading …");
  return h("div", { className: "swagger-ui" }, part("SvgAssets"), part("authorizeBtn"),
    part("FilterContainer"), part("errors"), part("operations"), part("Models"));
}

// A link inside a button cannot be reached by keyboard, nor heard: there its text is enough.
const plainPath = (_, system) => ({ text }) => system.React.createElement("span", null, text);

const plugin = (system) => ({
  components: { ReferenceLayout: Layout.bind(system) },
  wrapComponents: { DeepLink: plainPath }
});

const token = document.getElementById("token");

// A pasted token counts where nobody has signed in; it is sent to this server only.
function withToken(request) {
  if (token.value !== "" && !request.headers.Authorization &&
      new URL(request.url, location.href).origin === location.origin)
    request.headers.Authorization = "Bearer " + token.value.trim();
  return request;
}

const viewer = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  layout: "ReferenceLayout",
  plugins: [plugin],
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  oauth2RedirectUrl: location.origin + "/docs/signed-in",
  requestInterceptor: withToken
});

viewer.initOAuth({ usePkceWithAuthorizationCodeGrant: true, scopeSeparator: " " });
