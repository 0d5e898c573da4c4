// The package's server with what it lacks for a bot of today, and no more: methods that it does not know, fields that
// the Bot API requires in its answers, and a clock in seconds. Chats, messages, edits and deletions are the package's.
"use strict";

const express = require("express");
const TelegramServer = require("telegram-test-api");

const server = new TelegramServer({ port: 0, host: "127.0.0.1", storeTimeout: 600 });
const app = express();
app.use(express.json());
app.use(express.urlencoded({ extended: true }));

const seconds = () => Math.floor(Date.now() / 1000);
const done = (result) => (_request, response) => response.json({ ok: true, result });
const EMPTY = JSON.stringify({ inline_keyboard: [] });

const addBotMessage = server.addBotMessage.bind(server);
server.addBotMessage = (sent, token) => {
  // The package sends back every field of the request as it came.
  const { message_id, text, chat, reply_markup } = addBotMessage(sent, token);
  return { message_id, text, chat, reply_markup, date: seconds() };
};
// A press takes the number of the next message, and deleting that message would delete the press.
const addUserUpdate = server.addUserUpdate.bind(server);
server.addUserUpdate = (update) => addUserUpdate(update.callbackQuery ? { ...update, messageId: -1 } : update);
const formatUpdate = TelegramServer.formatUpdate;
TelegramServer.formatUpdate = (update) => {
  const formatted = formatUpdate(update);
  if (formatted.callback_query) formatted.callback_query.chat_instance = "1";
  return formatted;
};

app.all("/bot:token/getMe", done({ id: 666, is_bot: true, first_name: "Peer", username: "PeerBot" }));
for (const name of ["setMyCommands", "setMyDescription", "setMyShortDescription", "sendChatAction"]) {
  app.all(`/bot:token/${name}`, done(true));
}
// The package answers at once, and so a bot would ask without a pause.
app.all("/bot:token/getUpdates", (_request, _response, next) => setTimeout(next, 50));
app.all("/bot:token/deleteMessages", (request, response) => {
  const numbers = JSON.parse(request.body.message_ids);
  numbers.forEach((number) => server.deleteMessage(Number(request.body.chat_id), number));
  response.json({ ok: true, result: true });
});
for (const name of ["editMessageText", "editMessageReplyMarkup"]) {
  app.all(`/bot:token/${name}`, (request, response) => {
    // Telegram takes the keyboard away where none is sent.
    const body = { reply_markup: EMPTY, ...request.body };
    server[name](body);
    const chat = { id: Number(body.chat_id), type: "private", first_name: "Bot" };
    const message = { message_id: Number(body.message_id), date: seconds(), edit_date: seconds(), chat };
    response.json({ ok: true, result: { ...message, text: body.text || "" } });
  });
}
app.use(server.webServer);

const listening = app.listen(0, "127.0.0.1", () => console.log(listening.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
