"use strict";
/* Starts the explorer. The token stays in this tab's sessionStorage until the tab is closed; nothing else is kept. */

const KEPT = "chairside.token";
const DIGITS = "abcdefghijklmnopqrstuvwxyz234567";

/* The id of the org that a token belongs to, which stands in it in base32; empty for anything else. */
function orgOf(token) {
  const found = /^chs_([a-z2-7]{26})_[A-Za-z0-9_-]{43}$/.exec(token || "");
  if (!found) return "";
  const bits = [...found[1]].map((c) => DIGITS.indexOf(c).toString(2).padStart(5, "0")).join("");
  const hex = bits.slice(0, 128).match(/.{4}/g).map((four) => parseInt(four, 2).toString(16)).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/* The document with this org filled in wherever an operation asks for one. */
function withOrg(text, org) {
  const spec = JSON.parse(text);
  for (const item of Object.values(spec.paths))
    for (const operation of Object.values(item))
      for (const parameter of operation.parameters)
        if (parameter.name === "org_id" && org) parameter.schema.default = org;
  return spec;
}

/* Keeps the token when somebody logs in, drops it when they log out, and fills in the org of the new token. */
function keeping(text) {
  return {
    statePlugins: {
      auth: {
        wrapActions: {
          authorize: (original, system) => (payload) => {
            const done = original(payload);
            const token = ((payload.bearer && payload.bearer.value) || "").trim();
            sessionStorage.setItem(KEPT, token);
            system.specActions.updateJsonSpec(withOrg(text, orgOf(token)));
            return done;
          },
          logout: (original) => (payload) => {
            sessionStorage.removeItem(KEPT);
            return original(payload);
          },
        },
      },
    },
  };
}

/* Finds operations by every typed word, in their tag, path, summary or operationId. */
function searching() {
  const text = (operation, tag) =>
    [tag, operation.get("path"), operation.get("method"), operation.getIn(["operation", "summary"]),
      operation.getIn(["operation", "operationId"])].join(" ").replaceAll("_", " ").toLowerCase();
  return {
    fn: {
      opsFilter: (tagged, phrase) => {
        const words = phrase.toLowerCase().replaceAll("_", " ").split(/\s+/).filter(Boolean);
        return tagged
          .map((of, tag) => of.update("operations", (all) =>
            all.filter((operation) => words.every((word) => text(operation, tag).includes(word)))))
          .filter((of) => of.get("operations").size > 0);
      },
    },
  };
}

async function start() {
  const text = await (await fetch("/openapi.json")).text();
  const token = sessionStorage.getItem(KEPT) || "";
  const explorer = SwaggerUIBundle({
    spec: withOrg(text, orgOf(token)),
    dom_id: "#explorer",
    deepLinking: true,
    docExpansion: "none",
    filter: true,
    defaultModelsExpandDepth: -1,
    displayRequestDuration: true,
    displayOperationId: true,
    tryItOutEnabled: true,
    persistAuthorization: false,
    validatorUrl: null,
    plugins: [() => keeping(text), searching],
    onComplete: () => token && explorer.preauthorizeApiKey("bearer", token),
  });
}

start();
