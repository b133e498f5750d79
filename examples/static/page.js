"use strict";

let lastId = 0;

// The service takes calls from browsers with this Content-Type only.
async function call(method, params) {
  const response = await fetch(document.body.dataset.endpoint, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: ++lastId, method, params }),
  });
  const answer = await response.json();
  if (answer.error) {
    throw new Error(`${answer.error.message} (${answer.error.code})`);
  }
  return answer.result;
}

document.getElementById("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const output = document.getElementById("answer");
  try {
    output.textContent = await call("say_hello", { name: document.getElementById("name").value });
  } catch (error) {
    output.textContent = String(error);
  }
});
