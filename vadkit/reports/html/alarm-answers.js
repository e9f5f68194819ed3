"use strict";

// Whether an alarm was right, answered beside it and kept with the run.

function prepareAnswers(row, event) {
  const group = row.querySelector(".answers");
  group.setAttribute("aria-label", `Answer for the alarm of ${event.source}`);
  group.hidden = !board.answerable || event.kind.startsWith("source-");
  for (const button of group.querySelectorAll("button")) {
    button.onclick = () => answerAlarm(row, event.id, button.dataset.answer);
  }
}

function showAnswer(row, event) {
  for (const button of row.querySelectorAll(".answers button")) {
    button.setAttribute("aria-pressed", String(button.dataset.answer === event.answer));
  }
}

function answerAlarm(row, id, answer) {
  const said = row.querySelector(".said");
  said.textContent = "";
  change("/answer", { id, answer })
    .then(() => showAnswer(row, { answer }))
    .catch((error) => {
      said.textContent = `Not saved: ${error.message}`;
    });
}
