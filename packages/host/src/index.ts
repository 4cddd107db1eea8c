export { openFilesLimit, startCommand } from "./start-command.js";
